"""Archives, hostile ones above all."""

import gzip
import io
import os
import stat
import struct
import tarfile
import zipfile

import pytest

from multinet.errors import ArgumentError, FileError
from multinet.utils import extraction
from multinet.utils.extraction import extract_archive


def tar(path, *members, mode="w:gz", form=tarfile.PAX_FORMAT):
    """Write a tar of (TarInfo, bytes)."""
    with tarfile.open(path, mode, format=form) as archive:
        for info, data in members:
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def member(name, data=b"x", **fields):
    info = tarfile.TarInfo(name)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, data


def zipped(path, *members, method=zipfile.ZIP_DEFLATED):
    """Write a zip of (name, bytes, mode)."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data, mode in members:
            info = zipfile.ZipInfo(name)
            info.external_attr, info.compress_type = mode << 16, method
            archive.writestr(info, data)
    return path


def refused(path, tmp_path, said):
    """The archive is refused, and nothing is left of it."""
    target = tmp_path / "out" / "folder"
    target.parent.mkdir()
    with pytest.raises(FileError, match=said):
        extract_archive(path, target)
    assert os.listdir(target.parent) == []
    assert sorted(os.listdir(tmp_path)) == sorted({path.name, "out"})


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_tars_are_extracted(tmp_path, mode):
    folder, deep = member("a", b"", type=tarfile.DIRTYPE), "c/" * 80 + "d"
    files = member("a/b.txt", b"1" * 5000, mode=0o4777), member(f"./{deep}", b"2")
    path = tar(tmp_path / "x", folder, *files, mode=mode)
    extract_archive(path, tmp_path / "out")
    assert (tmp_path / "out/a/b.txt").read_bytes() == b"1" * 5000
    assert (tmp_path / "out" / deep).read_bytes() == b"2"
    assert not (tmp_path / "out/a/b.txt").stat().st_mode & 0o7111


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA]
)
def test_zips_are_extracted(tmp_path, method):
    path = zipped(tmp_path / "x", ("a/", b"", 0), ("a/b", b"1", 0), method=method)
    extract_archive(path, tmp_path / "out")
    assert (tmp_path / "out/a/b").read_bytes() == b"1"


def test_a_tar_that_ends_with_a_zip_is_a_tar(tmp_path):
    inner = zipped(tmp_path / "z", ("b", b"1", 0)).read_bytes()
    path = tar(tmp_path / "x", member("a.zip", inner), mode="w")
    path.write_bytes(path.read_bytes() + inner)
    extract_archive(path, tmp_path / "o")
    assert os.listdir(tmp_path / "o") == ["a.zip"]


@pytest.mark.parametrize("kind", ["tar", "zip"])
@pytest.mark.parametrize(
    "name",
    ["../a", "b/../../a", "/a", "..\\a", "c:/a", "a/..", "\\\\host\\a"],
)
@pytest.mark.parametrize("at", ["/", "."])
def test_members_outside_are_refused(tmp_path, monkeypatch, kind, name, at):
    # GHSA-hqp4-2352-xf5r: whether a member is inside hung on the working folder.
    monkeypatch.chdir(at)
    path = tmp_path / "x"
    if kind == "tar":
        tar(path, member("good"), member(name))
    else:
        zipped(path, ("good", b"", 0), (name, b"", 0))
    refused(path, tmp_path, "not inside")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
@pytest.mark.parametrize("target", ["/etc/passwd", "..", "good"])
def test_links_in_tars_are_refused(tmp_path, kind, target):
    link = member("a", b"", type=kind, linkname=target)
    refused(tar(tmp_path / "x", member("good"), link), tmp_path, "a link")


def test_links_in_zips_are_refused(tmp_path):
    path = zipped(tmp_path / "x", ("a", b"/etc/passwd", stat.S_IFLNK | 0o777))
    refused(path, tmp_path, "a link")


@pytest.mark.parametrize("kind", [tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE])
def test_special_files_are_refused(tmp_path, kind):
    path = tar(tmp_path / "x", member("a", b"", type=kind))
    refused(path, tmp_path, "special")
    os.remove(path)
    os.rmdir(tmp_path / "out")
    refused(zipped(path, ("a", b"", stat.S_IFIFO)), tmp_path, "special")


@pytest.fixture
def small(monkeypatch):
    """Small limits, so that a bomb is small, too."""
    monkeypatch.setattr(extraction, "_ALWAYS", 1 << 20)


@pytest.mark.parametrize("mode", ["w:gz", "w:bz2", "w:xz"])
def test_a_tar_that_grows_beyond_measure_is_refused(tmp_path, small, mode):
    path = tar(tmp_path / "x", member("a", bytes(20 << 20)), mode=mode)
    refused(path, tmp_path, "times its size")


def test_a_tar_of_many_files_that_grow_is_refused(tmp_path, small):
    path = tar(tmp_path / "x", *(member(f"{i}", bytes(1 << 18)) for i in range(80)))
    refused(path, tmp_path, "times its size")


def test_a_zip_that_grows_beyond_measure_is_refused(tmp_path, small):
    refused(
        zipped(tmp_path / "x", ("a", bytes(9 << 20), 0)), tmp_path, "times its size"
    )


def test_a_zip_that_lies_about_its_sizes_is_refused(tmp_path, small):
    path = zipped(tmp_path / "x", ("a", bytes(9 << 20), 0))
    told = struct.pack("<L", 9 << 20)
    path.write_bytes(path.read_bytes().replace(told, struct.pack("<L", 10)))
    refused(path, tmp_path, "times its size|no whole")


def test_zip_members_that_share_their_bytes_are_refused(tmp_path, small):
    path = zipped(tmp_path / "x", ("a", bytes(1 << 19), 0))
    with zipfile.ZipFile(path, "a") as archive:
        first = archive.infolist()[0]
        for i in range(60):
            info = zipfile.ZipInfo(f"{i}")
            for field in ("header_offset", "CRC", "file_size", "compress_size"):
                setattr(info, field, getattr(first, field))
            info.compress_type = first.compress_type
            archive.filelist.append(info)
        archive._didModify = True
    refused(path, tmp_path, "times its size|no whole")


def test_a_tar_of_too_many_members_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(extraction, "_MOST_MEMBERS", 10)
    path = tar(tmp_path / "x", *(member(f"{i}") for i in range(11)))
    refused(path, tmp_path, "more than 10")


def test_a_header_that_fills_the_memory_is_refused(tmp_path):
    info = tarfile.TarInfo("././@PaxHeader")
    info.type, info.size = tarfile.XHDTYPE, 40 << 20
    with gzip.open(tmp_path / "x", "wb") as file:
        file.write(info.tobuf())
        for _ in range(40):
            file.write(b"\0" * (1 << 20))
    refused(tmp_path / "x", tmp_path, "fill the memory|no whole")


def test_a_sparse_file_that_is_huge_is_refused(tmp_path, small):
    info = tarfile.TarInfo("a")
    buffer = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    buffer[156:157] = tarfile.GNUTYPE_SPARSE
    buffer[483:495] = b"%011o\0" % (1 << 32)  # the size that it has when whole
    buffer[148:156] = b" " * 8
    buffer[148:156] = b"%06o\0 " % sum(buffer[:512])
    (tmp_path / "x").write_bytes(bytes(buffer) + bytes(1024))
    refused(tmp_path / "x", tmp_path, "times its size|no whole")


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
def test_half_an_archive_is_refused(tmp_path, mode):
    path = tar(tmp_path / "x", member("a", os.urandom(99999)), mode=mode)
    path.write_bytes(path.read_bytes()[:50000])
    refused(path, tmp_path, "whole archive")


def test_a_damaged_zip_is_refused(tmp_path):
    path = zipped(tmp_path / "x", ("a", os.urandom(9999), 0))
    data = bytearray(path.read_bytes())
    data[5000] ^= 1
    path.write_bytes(data)
    refused(path, tmp_path, "whole archive")


def test_what_is_no_archive_is_told(tmp_path):
    (tmp_path / "x").write_bytes(b"hello" * 999)
    refused(tmp_path / "x", tmp_path, "no archive|no whole")


def test_the_format_may_be_named(tmp_path):
    path = tar(tmp_path / "x", member("a"))
    extract_archive(path, tmp_path / "a", "tar")
    with pytest.raises(FileError, match="no archive of zip"):
        extract_archive(path, tmp_path / "b", ["zip"])
    with pytest.raises(ArgumentError, match="archive_format"):
        extract_archive(path, tmp_path / "b", None)
    with pytest.raises(ArgumentError, match="rar"):
        extract_archive(path, tmp_path / "b", "rar")
