"""get_file against a server on this machine."""

import hashlib
import io
import os
import tarfile

import pytest
from local_server import serving

from multinet.errors import ArgumentError, FileError
from multinet.utils import get_file

DATA = os.urandom(3 << 20)
SHA = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv("MULTINET_HOME", str(tmp_path))
    with serving() as server:
        server.files["a.bin"] = DATA
        yield server


def content(path):
    with open(path, "rb") as file:
        return file.read()


def test_a_file_is_downloaded_once(server, tmp_path):
    path = get_file(origin=server.address("a.bin#y"))
    assert path == str(tmp_path / "datasets" / "a.bin")
    assert content(path) == DATA
    assert get_file("a.bin", server.address("a.bin")) == path
    assert len(server.asked) == 1
    get_file("a.bin", server.address("a.bin"), force_download=True)
    assert len(server.asked) == 2
    assert os.listdir(tmp_path / "datasets") == ["a.bin"]


def test_name_and_place_may_be_given(server, tmp_path):
    path = get_file("b", server.address("a.bin"), cache_subdir="s", cache_dir=tmp_path)
    assert path == str(tmp_path / "s" / "b")
    absolute = get_file("b", server.address("a.bin"), cache_subdir=tmp_path / "t")
    assert absolute == str(tmp_path / "t" / "b")


def test_files_of_this_machine_have_addresses_too(server, tmp_path):
    (tmp_path / "here").write_bytes(DATA)
    assert content(get_file("c", f"file://{tmp_path}/here")) == DATA


@pytest.mark.parametrize("name", ["md5", "sha1", "sha256", "sha512"])
def test_a_hash_is_told_by_its_length(server, name):
    digits = hashlib.new(name, DATA).hexdigest()
    get_file("a", server.address("a.bin"), file_hash=digits.upper())
    get_file("a", server.address("a.bin"), file_hash=digits, hash_algorithm=name)
    assert len(server.asked) == 1


def test_another_file_than_expected_is_not_kept(server, tmp_path):
    server.files["a.bin"] = DATA[:-1] + b"?"
    with pytest.raises(FileError, match="sha256"):
        get_file("a", server.address("a.bin"), file_hash=SHA)
    with pytest.raises(FileError, match="md5"):
        get_file("a", server.address("a.bin"), md5_hash="0" * 32)
    assert os.listdir(tmp_path / "datasets") == []


def test_an_outdated_file_is_downloaded_anew(server, tmp_path):
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "a").write_bytes(b"old")
    assert content(get_file("a", server.address("a.bin"))) == b"old"
    assert content(get_file("a", server.address("a.bin"), file_hash=SHA)) == DATA


def test_what_fails_leaves_the_old_file(server, tmp_path):
    path = get_file("a", server.address("a.bin"))
    server.files["a.bin"] = b"other"
    with pytest.raises(FileError):
        get_file("a", server.address("a.bin"), file_hash="0" * 64)
    assert content(path) == DATA


# -- resuming --------------------------------------------------------------------------


def test_a_download_that_breaks_off_goes_on_at_once(server):
    server.break_after = [1 << 20, 1 << 20]
    assert content(get_file("a", server.address("a.bin"))) == DATA
    ranges = [asked for _, asked in server.asked]
    assert ranges == [None, f"bytes={1 << 20}-", f"bytes={2 << 20}-"]


def test_a_download_goes_on_in_the_next_call(server, tmp_path):
    server.break_after = [100, 100, 100]
    with pytest.raises(FileError, match="broke off.*Call again"):
        get_file("a", server.address("a.bin"))
    assert not (tmp_path / "datasets" / "a").exists()
    assert content(get_file("a", server.address("a.bin"))) == DATA
    assert server.asked[-1] == ("a.bin", "bytes=300-")
    assert os.listdir(tmp_path / "datasets") == ["a"]


def test_a_file_that_changed_meanwhile_begins_anew(server):
    server.break_after = [100, 100, 100]
    with pytest.raises(FileError):
        get_file("a", server.address("a.bin"))
    server.files["a.bin"], server.etag = DATA[::-1], '"two"'
    assert content(get_file("a", server.address("a.bin"))) == DATA[::-1]


def test_without_a_version_only_a_hash_lets_a_download_go_on(server):
    server.etag = None
    server.break_after = [100]
    assert content(get_file("a", server.address("a.bin"))) == DATA
    assert [asked for _, asked in server.asked] == [None, None]
    server.break_after = [100]
    assert content(get_file("b", server.address("a.bin"), file_hash=SHA)) == DATA
    assert server.asked[-1] == ("a.bin", "bytes=100-")


def test_a_server_that_cannot_resume_sends_all(server):
    server.resumes, server.break_after = False, [100]
    assert content(get_file("a", server.address("a.bin"))) == DATA


def test_what_is_left_of_a_longer_file_begins_anew(server):
    server.etag = None
    server.break_after = [100, 100, 100]
    with pytest.raises(FileError):
        get_file("a", server.address("a.bin"), file_hash=SHA)
    server.files["a.bin"] = b"short"
    digits = hashlib.sha256(b"short").hexdigest()
    path = get_file("a", server.address("a.bin"), file_hash=digits)
    assert content(path) == b"short"


# -- errors ----------------------------------------------------------------------------


def test_what_is_not_there_is_told(server):
    with pytest.raises(FileError, match="404"):
        get_file("a", server.address("none"))
    with pytest.raises(FileError, match="cannot be reached"):
        get_file("a", "http://127.0.0.1:9/x")


@pytest.mark.parametrize("name", ["../a", "a/b", "..", "a\\b", "c:a"])
def test_a_name_is_no_path(server, name):
    with pytest.raises(ArgumentError, match="without a path"):
        get_file(name, server.address("a.bin"))


@pytest.mark.parametrize("end", ["", "..", "%2e%2e", "a%5Cb", "%2F.."])
def test_an_address_names_a_file(server, end):
    with pytest.raises(ArgumentError, match="without a path"):
        get_file(None, server.address("x/") + end)


@pytest.mark.parametrize(
    "arguments, said",
    [
        (dict(origin=None), "origin"),
        (dict(origin="ftp://a/b"), "http"),
        (dict(origin="a/b"), "http"),
        (dict(origin="http://a/b", file_hash="xyz"), "hexadecimal"),
        (dict(origin="http://a/b", file_hash="0" * 32, hash_algorithm="sha"), "sha1"),
        (
            dict(origin="http://a/b", file_hash="0" * 32, hash_algorithm="sha256"),
            "hexadecimal",
        ),
    ],
)
def test_arguments_are_checked(arguments, said):
    with pytest.raises(ArgumentError, match=said):
        get_file("a", **arguments)


# -- archives --------------------------------------------------------------------------


def archive(**files):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(f"in/{name}.txt")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return stream.getvalue()


@pytest.mark.parametrize(
    "name, kept, folder",
    [
        (None, "d.tgz_archive", "d.tgz"),
        ("x", "x_archive", "x"),
        ("x.tgz", "x.tgz", "x_extracted"),
    ],
)
def test_an_archive_is_extracted_where_keras_does(server, tmp_path, name, kept, folder):
    server.files["d.tgz"] = archive(a=b"1")
    path = get_file(name, server.address("d.tgz"), extract=True)
    assert path == str(tmp_path / "datasets" / folder)
    assert content(f"{path}/in/a.txt") == b"1"
    assert (tmp_path / "datasets" / kept).exists()
    assert get_file(name, server.address("d.tgz"), extract=True) == path
    assert len(server.asked) == 1


def test_a_new_archive_takes_the_place_of_what_the_old_one_had(server):
    server.files["d.tgz"] = archive(a=b"1")
    get_file("x", server.address("d.tgz"), untar=True)
    server.files["d.tgz"] = archive(b=b"2")
    path = get_file("x", server.address("d.tgz"), untar=True, force_download=True)
    assert os.listdir(f"{path}/in") == ["b.txt"]
