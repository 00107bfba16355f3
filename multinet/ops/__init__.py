"""Public ops (interim list)."""
from multinet import operators
from multinet.ops.activations import *  # noqa
from multinet.ops.arithmetic import *  # noqa
from multinet.ops.contraction import *  # noqa
from multinet.ops.conversion import *  # noqa
from multinet.ops.creation import *  # noqa
from multinet.ops.elementwise import *  # noqa
from multinet.ops.indexing import *  # noqa
from multinet.ops.reductions import *  # noqa
from multinet.ops.shapes import *  # noqa
from multinet.ops.core import PUBLIC
from multinet.ops import nn
for _n,_f in PUBLIC.items(): globals()[_n]=_f
operators.install(PUBLIC)
