"""What a worker process needs before it knows its claim: imported once, by the server that workers are forked from."""

import contextlib
import gc
import importlib

for _name in (
    "gdverify.language",
    "gdverify.laws",
    "gdverify.lemmas",
    "gdverify.classes",
    "gdverify.instances",
    "gdverify.networks",
    "gdverify.record",
    "gdverify.worker",
    "gdverify.kernel",
    "gdverify.kernel.proof",
    "gdverify.worstcase",
    "gdverify.worstcase.run",
    "gdverify.experiment.engine",
    "gdverify.experiment.sure",
    "gdverify.experiment.statistical",
    "gdverify.experiment.scaling",
    "gdverify.experiment.ball",
    "array_api_compat.numpy",
    "scipy.linalg",
    "scipy.special",
    "sympy.printing.latex",
):
    with contextlib.suppress(ImportError):  # a machine without the provers
        importlib.import_module(_name)
gc.freeze()  # pages of these modules stay shared between the workers
