"""The mpirun of an emulated machine."""

import pytest

from runtime.fabric.hosts import AT_ONCE, LARGEST_AT_ONCE, mpi
from runtime.fabric.keeper import Keeper
from runtime.launch.mpi import compile_c


def _install(folder, version):
    """Lay an mpirun of some version, and a compiler that writes which folder it is in."""
    folder.mkdir()
    texts = {
        "mpirun": f'#!/bin/sh\necho "{version}"\n',
        "mpicc": f'#!/bin/sh\nwhile [ "$1" != -o ]; do shift; done\necho {folder.name} >"$2"\n',
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o700)
    return str(folder / "mpirun")


@pytest.mark.parametrize("version", ["mpirun (Open MPI) 5.0.11", "HYDRA build details:"])
def test_a_program_for_an_emulated_machine_is_compiled_beside_the_mpirun_that_starts_it(
    tmp_path, monkeypatch, version
):
    named = _install(tmp_path / "named", version)
    _install(tmp_path / "other", version)
    monkeypatch.setenv("PATH", f"{tmp_path / 'other'}:/usr/bin:/bin")
    monkeypatch.setenv("COMMPLAN_MPIRUN", named)
    monkeypatch.setenv("COMMPLAN_FABRIC", str(tmp_path / "fabric"))
    here = mpi(Keeper(1, "1", privileged=True), [0, 1])
    assert here.command[0] == "nsenter"
    assert named in here.command
    compile_c(here, tmp_path / "program.c", tmp_path / "program")
    assert (tmp_path / "program").read_text() == "named\n"


@pytest.mark.parametrize("own", ["", "65536"])
def test_open_mpi_sends_large_messages_without_asking_unless_told_otherwise(
    tmp_path, monkeypatch, own
):
    monkeypatch.setenv("COMMPLAN_MPIRUN", _install(tmp_path / "named", "mpirun (Open MPI) 5.0.11"))
    monkeypatch.setenv("COMMPLAN_FABRIC", str(tmp_path / "fabric"))
    monkeypatch.delenv(AT_ONCE, raising=False)
    if own:
        monkeypatch.setenv(AT_ONCE, own)
    here = mpi(Keeper(1, "1", privileged=True), [0, 1])
    assert dict(here.variables)[AT_ONCE] == (own or str(LARGEST_AT_ONCE))
