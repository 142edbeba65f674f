"""The shell scripts, and what describes the virtual machines."""
import os
import subprocess

import pytest

from pair import TREE


def scripts():
    """Every file of this tree that is the shell's."""
    for folder in ("vagrant", "tests", ".ci", "systemd"):
        for path in sorted((TREE / folder).rglob("*")):
            if path.is_file() and ".vagrant" not in path.parts:
                first = path.read_bytes().split(b"\n", 1)[0]
                if path.suffix == ".sh" or (first.startswith(b"#!") and first.endswith(b"sh")):
                    yield path


@pytest.mark.parametrize("path", scripts(), ids=lambda path: str(path.relative_to(TREE)))
def test_shellcheck_has_nothing_to_say(path):
    done = subprocess.run(["shellcheck", "--external-sources", path], capture_output=True, text=True, cwd=TREE)
    assert done.returncode == 0, done.stdout


def test_shellcheck_saw_the_scripts():
    names = {path.name for path in scripts()}
    assert {"lab", "host-init", "setup-apache", "provision-balancer", "provision-web", "run", "packages.sh"} <= names


def vagrant(folder, tmp_path):
    return subprocess.run(["vagrant", "validate", "--ignore-provider"], cwd=folder, capture_output=True, text=True,
                          env=os.environ | {"VAGRANT_HOME": str(tmp_path / "home"), "VAGRANT_DOTFILE_PATH": str(tmp_path / "dot"),
                                            "VAGRANT_CHECKPOINT_DISABLE": "1"})


def test_vagrant_accepts_the_vagrantfile(tmp_path):
    done = vagrant(TREE / "vagrant", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Vagrantfile validated successfully" in done.stdout
    for machine in ("hap1", "hap2", "web1", "web2"):
        assert machine in done.stdout


def test_vagrant_would_not_accept_any(tmp_path):
    """A misspelt setting, or a script that is not there, is seen."""
    broken = (TREE / "vagrant" / "Vagrantfile").read_text().replace("provision-web", "provision-nothing")
    (tmp_path / "Vagrantfile").write_text(broken)
    assert vagrant(tmp_path, tmp_path).returncode != 0
