"""Files made to do harm, each from a sound one: what is refused, and in which words."""

import io
import json
import struct
import tempfile
import zipfile

import h5py
import numpy as np

from multinet import Input, Sequential, layers

CASES = {}


def case(words):
    """Add a case: the function changes the parts of a sound file; `words` are those
    of the error.
    """

    def add(function):
        CASES[function.__name__] = (function, words)
        return function

    return add


def model():
    """Return the model of the sound file."""
    return Sequential([Input((4,)), layers.Dense(3, name="dense")], name="sound")


class Parts:
    """The members of a `.keras` file, to be changed and written again."""

    def __init__(self, path):
        with zipfile.ZipFile(path) as archive:
            self.members = {name: archive.read(name) for name in archive.namelist()}
        self.raw = None
        self.more = []  # entries with their own headers

    @property
    def config(self):
        """The configuration."""
        return json.loads(self.members["config.json"])

    @config.setter
    def config(self, value):
        self.members["config.json"] = json.dumps(value).encode()

    def layer(self):
        """Return the configuration and that of the Dense layer in it."""
        config = self.config
        return config, config["config"]["layers"][1]

    def weights(self, change):
        """Let a function change the HDF5 file."""
        with tempfile.NamedTemporaryFile(suffix=".h5") as made:
            made.write(self.members["model.weights.h5"])
            made.flush()
            with h5py.File(made.name, "r+") as file:
                change(file)
            made.seek(0)
            self.members["model.weights.h5"] = made.read()

    def write(self, path, compression=zipfile.ZIP_STORED):
        """Write the file."""
        if self.raw is not None:
            path.write_bytes(self.raw)
            return
        with zipfile.ZipFile(path, "w", compression) as archive:
            for name, data in self.members.items():
                archive.writestr(name, data)
            for info, data in self.more:
                archive.writestr(info, data)


def replace(change):
    """Return a case's function that replaces the Dense layer's configuration."""

    def harm(parts, canary):
        config, layer = parts.layer()
        layer.update(change(canary))
        parts.config = config

    return harm


# -- code ------------------------------------------------------------------------------

#: Bytecode in base64, as Keras writes a lambda.
_CODE = {"class_name": "__lambda__", "config": {"value": ["4wEAAAA=", None, None]}}


@case("a lambda, which is code")
def a_lambda_as_activation(parts, canary):
    config, layer = parts.layer()
    layer["config"]["activation"] = _CODE
    parts.config = config


@case("Unknown class 'Lambda'|a lambda")
def a_lambda_layer(parts, canary):
    config, layer = parts.layer()
    layer.update(
        module="keras.layers",
        class_name="Lambda",
        config={"name": "l", "function": _CODE},
    )
    parts.config = config


@case("Expected name to be a string")
def a_lambda_beside_the_layers(parts, canary):
    config = parts.config
    config["config"]["name"] = _CODE
    parts.config = config


def _function(module, name):
    return {
        "module": module,
        "class_name": "function",
        "config": name,
        "registered_name": "function",
    }


for _module, _name in (
    ("builtins", "eval"),
    ("builtins", "exec"),
    ("os", "system"),
    ("subprocess", "Popen"),
    ("keras.utils", "get_file"),
    ("keras.saving", "load_model"),
    ("numpy", "load"),
    ("multinet.saving.atomic", "replacing"),
    ("shutil", "rmtree"),
):

    def _harm(parts, canary, module=_module, name=_name):
        config, layer = parts.layer()
        layer["config"]["activation"] = _function(module, name)
        parts.config = config

    _harm.__name__ = f"the_function_{_name}_of_{_module.replace('.', '_')}"
    case("Unknown function|Unknown activation")(_harm)

for _module, _name in (
    ("os", "_wrap_close"),
    ("subprocess", "Popen"),
    ("builtins", "type"),
    ("keras.src.utils.file_utils", "File"),
    ("pathlib", "Path"),
    ("keras.layers", "TorchModuleWrapper"),
    ("keras.layers", "TFSMLayer"),
    ("keras.layers", "JaxLayer"),
    ("keras.layers", "FlaxLayer"),
    ("__main__", "Evil"),
):

    def _class(parts, canary, module=_module, name=_name):
        config, layer = parts.layer()
        layer.update(
            module=module,
            class_name=name,
            registered_name=None,
            config={"path": str(canary)},
        )
        parts.config = config

    _class.__name__ = f"the_class_{_name}_of_{_module.replace('.', '_')}"
    case("Unknown class|has no|is code|is a program|makes no model")(_class)


@case("Unknown class")
def a_class_that_is_none(parts, canary):
    config, layer = parts.layer()
    layer.update(module="keras", class_name="Input", config={"shape": [3]})
    parts.config = config


@case("Unknown class 'mine>Dense'")
def a_registered_name_that_nobody_registered(parts, canary):
    config, layer = parts.layer()
    layer["registered_name"] = "mine>Dense"
    parts.config = config


@case("a TensorFlow TypeSpec")
def a_typespec(parts, canary):
    config, layer = parts.layer()
    layer["config"]["units"] = {"class_name": "__typespec__", "config": {"spec": []}}
    parts.config = config


@case("dtype")
def a_dtype_that_takes_memory(parts, canary):
    config, layer = parts.layer()
    inner = {"value": [1], "dtype": "V2000000000"}
    layer["config"]["units"] = {"class_name": "__numpy__", "config": inner}
    parts.config = config


@case("kernel has shape .4, 1000000000000.")
def units_beyond_all_memory(parts, canary):
    config, layer = parts.layer()
    layer["config"]["units"] = 10**12
    parts.config = config


@case("neither a model nor a layer")
def an_optimizer_in_place_of_a_model(parts, canary):
    parts.config = {
        "module": "keras.regularizers",
        "class_name": "L2",
        "config": {"l2": 0.1},
        "registered_name": None,
    }


@case("not.*describe a model")
def a_list_in_place_of_a_model(parts, canary):
    parts.members["config.json"] = b"[1, 2]"


# -- JSON ------------------------------------------------------------------------------


@case("brackets within brackets")
def json_that_is_deep(parts, canary):
    parts.members["config.json"] = b"[" * 100_000 + b"]" * 100_000


@case("brackets within brackets")
def json_that_is_deep_in_objects(parts, canary):
    parts.members["config.json"] = b'{"a":' * 5_000 + b"1" + b"}" * 5_000


@case("keys twice")
def json_with_a_key_twice(parts, canary):
    text = parts.members["config.json"]
    parts.members["config.json"] = text.replace(b"{", b'{"class_name": "Input",', 1)


@case("no JSON")
def json_that_is_cut_off(parts, canary):
    parts.members["config.json"] = parts.members["config.json"][:-20]


@case("no text in UTF-8")
def json_in_another_encoding(parts, canary):
    parts.members["config.json"] = b"\xff\xfe" + parts.members["config.json"]


@case("does not describe random streams")
def streams_of_another_form(parts, canary):
    parts.members["multinet.json"] = b'{"streams": 3}'


@case("does not describe random streams")
def streams_of_training_that_are_empty(parts, canary):
    parts.members["multinet.json"] = b'{"streams": {}, "training": {}}'


@case("a count as steps in multinet.json")
def a_stream_that_is_no_number(parts, canary):
    parts.members["multinet.json"] = json.dumps(
        {
            "streams": {},
            "training": {
                "steps": ["a", 0],
                "draws": [1, 2],
                "orders": {"key": [1, 2], "epoch": 0},
            },
        }
    ).encode()


@case("makes no model")
def a_graph_with_numbers_for_tensors(parts, canary):
    config = parts.config
    config["config"]["layers"] = 3.5
    parts.config = config


@case("makes no model|dense")
def a_layer_without_its_arguments(parts, canary):
    config, layer = parts.layer()
    layer["config"] = {}
    parts.config = config


@case("makes no model")
def a_slice_without_ends(parts, canary):
    config, layer = parts.layer()
    layer["config"]["units"] = {"class_name": "__slice__", "config": {}}
    parts.config = config


# -- archive ---------------------------------------------------------------------------


@case("no ZIP archive")
def no_archive_at_all(parts, canary):
    parts.raw = b"\x89HDF\r\n\x1a\n" + b"\0" * 500


@case("no ZIP archive")
def an_empty_file(parts, canary):
    parts.raw = b""


@case("has no config.json")
def no_configuration(parts, canary):
    del parts.members["config.json"]


@case("has no model.weights.h5")
def no_weights(parts, canary):
    del parts.members["model.weights.h5"]


@case("is there twice")
def a_member_twice(parts, canary):
    parts.more.append((zipfile.ZipInfo("config.json"), b"{}"))


@case("is there twice")
def a_member_twice_but_for_case(parts, canary):
    parts.more.append((zipfile.ZipInfo("CONFIG.json"), b"{}"))


@case("leaves the archive")
def a_member_above_the_folder(parts, canary):
    parts.more.append((zipfile.ZipInfo("assets/../../evil.txt"), b"evil"))


@case("leaves the archive")
def a_member_at_the_root_of_the_disk(parts, canary):
    parts.more.append((zipfile.ZipInfo(str(canary)), b"evil"))


@case("leaves the archive")
def a_member_with_a_drive(parts, canary):
    parts.more.append((zipfile.ZipInfo("C:evil.txt"), b"evil"))


@case("a link or a device")
def a_symbolic_link(parts, canary):
    info = zipfile.ZipInfo("assets/link")
    info.external_attr = 0o120777 << 16
    parts.more.append((info, str(canary).encode()))


@case("would unpack")
def a_bomb_in_the_weights(parts, canary):
    info = zipfile.ZipInfo("assets/big")
    info.compress_type = zipfile.ZIP_DEFLATED
    parts.more.append((info, b"\0" * 50_000_000))


@case("damaged")
def a_member_with_a_wrong_checksum(parts, canary):
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        for name, data in parts.members.items():
            archive.writestr(name, data)
    parts.raw = memory.getvalue().replace(b'"registered_name"', b'"registered_nama"', 1)


@case("is encrypted|damaged")
def an_encrypted_member(parts, canary):
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        for name, data in parts.members.items():
            archive.writestr(name, data)
    data = bytearray(memory.getvalue())
    place = data.rfind(b"PK\x01\x02")
    data[place + 8] |= 1
    parts.raw = bytes(data)


@case("no header|cut off|no HDF5 file|damaged|no ZIP")
def an_offset_out_of_the_file(parts, canary):
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        for name, data in parts.members.items():
            archive.writestr(name, data)
    data = bytearray(memory.getvalue())
    place = data.rfind(b"PK\x01\x02", 0, data.rfind(b"multinet.json"))
    data[place + 42 : place + 46] = struct.pack("<I", 7)
    parts.raw = bytes(data)


# -- HDF5 ------------------------------------------------------------------------------

KERNEL = "layers/dense/vars/0"


def _kernel(file):
    del file[KERNEL]


@case("link to another place or file")
def a_soft_link(parts, canary):
    def change(file):
        _kernel(file)
        file[KERNEL] = h5py.SoftLink("/layers/dense/vars/1")

    parts.weights(change)


@case("link to another place or file")
def an_external_link(parts, canary):
    def change(file):
        _kernel(file)
        file[KERNEL] = h5py.ExternalLink(str(canary), "/secret")

    parts.weights(change)


@case("link to another place or file")
def an_external_link_of_a_group(parts, canary):
    def change(file):
        del file["layers"]
        file["layers"] = h5py.ExternalLink(str(canary), "/")

    parts.weights(change)


@case("in another file")
def external_storage(parts, canary):
    def change(file):
        _kernel(file)
        file.create_dataset(KERNEL, (4, 3), "float32", external=[(str(canary), 0, 48)])

    parts.weights(change)


@case("from other files|another file")
def a_virtual_dataset(parts, canary):
    def change(file):
        _kernel(file)
        layout = h5py.VirtualLayout((4, 3), "float32")
        layout[:] = h5py.VirtualSource(str(canary), "secret", (4, 3))
        file.create_virtual_dataset(KERNEL, layout)

    parts.weights(change)


@case("no values|would unpack|bytes are in the file")
def a_shape_without_data(parts, canary):
    def change(file):
        _kernel(file)
        file.create_dataset(KERNEL, (4, 3), "float32", chunks=(4, 3))

    parts.weights(change)


@case("bytes are in the file|would unpack|shape")
def a_shape_beyond_all_memory(parts, canary):
    def change(file):
        _kernel(file)
        file.create_dataset(KERNEL, (1 << 20, 1 << 20), "float32", chunks=(1024, 1024))

    parts.weights(change)


@case("would unpack")
def a_chunk_that_unpacks_to_much(parts, canary):
    def change(file):
        _kernel(file)
        file.create_dataset(
            KERNEL,
            (4, 3),
            "float32",
            chunks=(8000, 8000),
            maxshape=(None, None),
            compression="gzip",
            data=np.zeros((4, 3), "float32"),
        )

    parts.weights(change)


@case("not numbers")
def strings(parts, canary):
    def change(file):
        _kernel(file)
        file.create_dataset(KERNEL, data=np.full((4, 3), b"abcd"))

    parts.weights(change)


@case("not numbers")
def compound_values(parts, canary):
    def change(file):
        _kernel(file)
        file.create_dataset(KERNEL, data=np.zeros((4, 3), [("a", "f4"), ("b", "f4")]))

    parts.weights(change)


@case("not numbers")
def complex_values(parts, canary):
    def change(file):
        _kernel(file)
        file.create_dataset(KERNEL, data=np.zeros((4, 3), "complex64"))

    parts.weights(change)


@case("not numbers")
def references(parts, canary):
    def change(file):
        _kernel(file)
        made = file.create_dataset(KERNEL, (4, 3), h5py.ref_dtype)
        made[0, 0] = file["layers"].ref

    parts.weights(change)


@case("not numbers|holds nothing")
def an_empty_dataset(parts, canary):
    def change(file):
        _kernel(file)
        file[KERNEL] = h5py.Empty("f4")

    parts.weights(change)


@case("found a group|not numbers")
def a_group_for_an_array(parts, canary):
    def change(file):
        _kernel(file)
        file.create_group(KERNEL)

    parts.weights(change)


@case("found an array")
def an_array_for_a_group(parts, canary):
    def change(file):
        del file["layers/dense"]
        file["layers/dense"] = np.zeros(3)

    parts.weights(change)


@case("the file 3")
def more_arrays_than_weights(parts, canary):
    def change(file):
        file["layers/dense/vars/2"] = np.zeros(3, "float32")

    parts.weights(change)


@case("the file 0|the file 1")
def no_arrays(parts, canary):
    def change(file):
        del file["layers/dense/vars/1"]

    parts.weights(change)


@case("has no array 1")
def arrays_under_other_names(parts, canary):
    def change(file):
        file.move("layers/dense/vars/1", "layers/dense/vars/bias")

    parts.weights(change)


@case("has shape")
def another_shape(parts, canary):
    def change(file):
        _kernel(file)
        file[KERNEL] = np.zeros((3, 4), "float32")

    parts.weights(change)


@case("in the file int64|is float32")
def integers_for_floats(parts, canary):
    def change(file):
        _kernel(file)
        file[KERNEL] = np.zeros((4, 3), "int64")

    parts.weights(change)


@case("damaged|no HDF5 file")
def weights_that_are_cut_off(parts, canary):
    data = parts.members["model.weights.h5"]
    parts.members["model.weights.h5"] = data[: len(data) // 2]


@case("no HDF5 file")
def weights_of_another_kind(parts, canary):
    parts.members["model.weights.h5"] = b"PK\x03\x04" + b"\0" * 400


@case("damaged")
def packed_weights_that_are_damaged(parts, canary):
    def change(file):
        _kernel(file)
        values = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
        made = file.create_dataset(
            KERNEL, data=values, compression="gzip", fletcher32=True, chunks=(4, 3)
        )
        place = made.id.get_chunk_info(0).byte_offset
        parts.place = place

    parts.weights(change)
    data = bytearray(parts.members["model.weights.h5"])
    data[parts.place + 5] ^= 0xFF
    parts.members["model.weights.h5"] = bytes(data)
