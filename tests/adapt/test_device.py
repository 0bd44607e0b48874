"""A device that is not there, a process without one and memory that is not enough are said, with what to do."""

import re

import numpy as np
import pytest
import torch

from pace_edge.adapt.device import autocast, choose_device, out_of_memory_named
from pace_edge.adapt.settings import parse_settings
from pace_edge.cli.adapt import adapt
from pace_edge.errors import PaceEdgeError, UsageError


@pytest.fixture
def gpus(monkeypatch):
    """A machine with so many GPUs, and a process that torchrun may have started; the GPU that became current."""

    def pretend(count, local_rank=None, local_world=1):
        current = []
        monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
        monkeypatch.setattr(torch.cuda, "set_device", current.append)
        for name, value in (("LOCAL_RANK", local_rank), ("LOCAL_WORLD_SIZE", local_world)):
            monkeypatch.delenv(name, raising=False)
            if local_rank is not None:
                monkeypatch.setenv(name, str(value))
        return current

    return pretend


@pytest.mark.parametrize(
    ("count", "wanted", "chosen"),
    [(0, "auto", "cpu"), (2, "auto", "cuda:0"), (2, "cpu", "cpu"), (2, "cuda", "cuda:0"), (2, "cuda:1", "cuda:1")],
)
def test_auto_is_a_gpu_where_there_is_one_and_every_device_can_be_named(gpus, count, wanted, chosen):
    current = gpus(count)
    assert choose_device(wanted) == torch.device(chosen)
    assert current == [torch.device(chosen)] * chosen.startswith("cuda")


def test_each_process_of_torchrun_has_the_gpu_of_its_local_rank(gpus):
    gpus(4, local_rank=2, local_world=4)
    assert choose_device("auto") == choose_device("cuda") == torch.device("cuda:2")
    gpus(0, local_rank=1, local_world=2)
    assert choose_device("auto") == torch.device("cpu")


def test_a_gpu_computes_the_log_mel_with_all_bits_of_float32(gpus, monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    gpus(1)
    choose_device()
    assert not torch.backends.cudnn.allow_tf32
    assert torch.get_float32_matmul_precision() == "highest"


@pytest.mark.parametrize(
    ("count", "local_rank", "wanted", "message"),
    [
        (0, None, "cuda", r"no GPU 0: got 0 GPUs seen by torch \d.*--device cpu"),
        (2, None, "cuda:2", "no GPU 2: got 2 GPUs"),
        (2, 2, "auto", "no GPU 2: got 2 GPUs.*smaller --nproc-per-node"),
    ],
)
def test_a_gpu_that_is_not_there_is_said_with_what_torch_sees(gpus, count, local_rank, wanted, message):
    gpus(count, local_rank, local_world=3)
    with pytest.raises(PaceEdgeError, match=message):
        choose_device(wanted)


def test_a_torch_without_cuda_is_called_so(gpus, monkeypatch):
    gpus(0)
    monkeypatch.setattr(torch.backends.cuda, "is_built", lambda: False)
    with pytest.raises(PaceEdgeError, match="built without CUDA"):
        choose_device("cuda")


@pytest.mark.parametrize("wanted", ["gpu", "cuda:", "cuda:x", "CPU", ""])
def test_a_word_that_names_no_device_is_a_usage_error(wanted):
    with pytest.raises(UsageError, match="expected auto, cpu, cuda or cuda:0"):
        choose_device(wanted)


def test_several_processes_are_not_put_on_one_gpu(gpus):
    gpus(4, local_rank=1, local_world=2)
    with pytest.raises(UsageError, match="several processes cannot share cuda:0: expected cuda"):
        choose_device("cuda:0")


def test_autocast_rounds_products_to_bf16_and_leaves_weights_and_gradients_float32():
    layer, x = torch.nn.Linear(8, 4), torch.randn(3, 8, generator=torch.Generator().manual_seed(0))
    for precision, dtype in (("float32", torch.float32), ("bf16", torch.bfloat16)):
        with autocast(torch.device("cpu"), precision):
            y = layer(x)
        assert y.dtype == dtype
        y.float().sum().backward()
        assert layer.weight.grad.dtype == torch.float32


def raised(error):
    raise error


@pytest.mark.parametrize(
    ("provoke", "size"),
    [
        (lambda: torch.empty(1 << 60, dtype=torch.uint8), "a request for 1152921504606846976 bytes"),
        (lambda: np.empty(1 << 60, np.uint8), "a request for 1.00 EiB"),
        (lambda: bytearray(1 << 60), ""),
        (lambda: raised(torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has")),
         "a request for 20.00 MiB"),
        (lambda: raised(RuntimeError("CUDA error: out of memory")), ""),
        (lambda: raised(RuntimeError("CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`")), ""),
    ],
)  # fmt: skip
def test_memory_that_is_not_enough_is_said_with_options_that_exist(provoke, size):
    with pytest.raises(PaceEdgeError, match=f"not enough memory.*{size}") as error, out_of_memory_named():
        provoke()
    changes = re.findall(r"--set (\w+=\d+)", str(error.value))
    assert {change.partition("=")[0] for change in changes} == {"batch", "views_in_loss", "views", "M"}
    parse_settings(changes)
    options = {name for option in adapt.params for name in option.opts}
    assert set(re.findall(r"--[a-z-]+", str(error.value))) <= options


def test_other_failures_pass_through():
    with pytest.raises(RuntimeError, match="shapes") as error, out_of_memory_named():
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")
    assert not isinstance(error.value, PaceEdgeError)
