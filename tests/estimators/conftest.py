import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread():
    """Small tensors on a busy machine wait for threads far longer than they compute."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
