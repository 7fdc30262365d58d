"""Synths and models found through entry points of packages that are laid on the path."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from synthmatch import list_synths, load_synth, registry
from synthmatch.errors import HostingError, RegistryError, RegistryWarning
from synthmatch.registry import find_model, list_models, model_folder

GOOD = """
from synthmatch import Parameter, ParameterSpace

class Bell:
    name = "bell"
    sample_rate = 8000
    space = ParameterSpace("bell", [Parameter.continuous("level", 0, 1)])

    def __init__(self, size: int = 1):
        self.size = size

    def render(self, patch, note, sample_rate):
        raise NotImplementedError

def folder():
    return "/models/bell-1"
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Return a function that installs a package with one module and its entry points."""

    def install(project, module, source, synths="", models=""):
        site = tmp_path / project
        info = site / f"{project}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(
            f"[synthmatch.synths]\n{synths}\n[synthmatch.models]\n{models}\n"
        )
        (site / f"{module}.py").write_text(source)
        monkeypatch.syspath_prepend(str(site))
        monkeypatch.delitem(sys.modules, module, raising=False)
        return site

    yield install
    importlib.invalidate_caches()


def test_a_package_on_the_path_is_found_by_name_and_loaded_when_asked_for(package):
    package("bell-pack", "bell_pack", GOOD, synths="bell = bell_pack:Bell")
    assert "bell" in list_synths() and list_synths() == sorted(list_synths())
    assert "bell_pack" not in sys.modules
    synth = load_synth("bell", size=3)
    assert synth.name == "bell" and synth.size == 3
    assert "bell_pack" in sys.modules


def test_a_package_seen_twice_on_the_path_is_one_package(package, monkeypatch):
    site = package("bell-pack", "bell_pack", GOOD, synths="bell = bell_pack:Bell")
    monkeypatch.syspath_prepend(str(site))
    assert load_synth("bell").name == "bell"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "bel",
            r"no synth named 'bel'; did you mean 'bell'\? installed: .*bell.*'synthmatch\.synth",
        ),
        ("zzz", r"no synth named 'zzz'; installed: .*bell"),
        ("", r"no synth named ''; installed: "),
    ],
)
def test_an_unknown_name_lists_what_is_installed(package, name, message):
    package("bell-pack", "bell_pack", GOOD, synths="bell = bell_pack:Bell")
    with pytest.raises(RegistryError, match=message):
        load_synth(name)


def test_with_nothing_installed_the_error_still_helps(monkeypatch):
    monkeypatch.setattr(registry, "entry_points", lambda group: ())
    assert list_synths() == []
    with pytest.raises(RegistryError, match=r"installed: none\. Another needs a package"):
        load_synth("bell")


def test_two_packages_that_claim_a_name_are_both_named(package):
    package("bell-pack", "bell_pack", GOOD, synths="bell = bell_pack:Bell")
    package("other-bells", "other_bells", GOOD, synths="bell = other_bells:Bell")
    assert list_synths().count("bell") == 1
    with pytest.raises(
        RegistryError,
        match=r"'bell' is claimed by bell-pack \(bell_pack:Bell\) and other-bells .*uninstall one",
    ):
        load_synth("bell")


BROKEN = {
    "syntax": ("def", "SyntaxError"),
    "import": ("import not_installed_anywhere", "ModuleNotFoundError: No module named 'not_inst"),
    "missing": ("x = 1", "AttributeError"),
    "factory": ("def Bell():\n    raise OSError('no licence')", "OSError: no licence"),
    "value": ("Bell = 5", "registered as 5; register a class or function"),
    "exit": ("raise SystemExit(3)", "SystemExit: 3"),
    "lines": ("raise OSError('a\\nb')", "OSError: a b"),
    "shape": ("def Bell():\n    return object()", "not a Synth: it needs name, space"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_package_is_one_clear_error_and_spoils_no_listing(package, kind):
    source, message = BROKEN[kind]
    package("bell-pack", "bell_pack", source, synths="bell = bell_pack:Bell")
    assert "bell" in list_synths()
    with pytest.raises(RegistryError, match="synth 'bell'.*" + message) as caught:
        load_synth("bell")
    assert "\n" not in str(caught.value)


def test_errors_of_synthmatch_pass_through_unchanged(package):
    source = (
        "from synthmatch.errors import HostingError\n"
        "def Bell():\n    raise HostingError('no plug-in found; install it')"
    )
    package("bell-pack", "bell_pack", source, synths="bell = bell_pack:Bell")
    with pytest.raises(HostingError, match=r"^no plug-in found; install it$"):
        load_synth("bell")


def test_options_the_synth_does_not_take_are_refused(package):
    package("bell-pack", "bell_pack", GOOD, synths="bell = bell_pack:Bell")
    with pytest.raises(RegistryError, match=r"'bell' does not take these options: .*'colour'"):
        load_synth("bell", colour="red")


def test_models_are_found_beside_the_bundled_ones(package, monkeypatch, tmp_path):
    monkeypatch.setattr(registry, "_bundled_models", lambda: {"own": tmp_path})
    package("bell-pack", "bell_pack", GOOD, models="bell-1 = bell_pack:folder")
    assert {"bell-1", "own"} <= set(list_models())
    assert model_folder("own") == tmp_path
    assert str(model_folder("bell-1")).replace("\\", "/").endswith("/models/bell-1")
    with pytest.raises(
        RegistryError, match=r"no model named 'x'; installed: .*own; or give a folder"
    ):
        model_folder("x")


def test_a_folder_of_an_installed_models_name_is_meant_by_its_path_only(monkeypatch, tmp_path):
    monkeypatch.setattr(registry, "_bundled_models", lambda: {"own": tmp_path / "bundled"})
    monkeypatch.chdir(tmp_path)
    for name in ("own", "other"):
        (tmp_path / name).mkdir()
    assert find_model("own") == tmp_path / "bundled"
    assert find_model("./own").resolve() == find_model(Path("own")).resolve() == tmp_path / "own"
    assert find_model("other").resolve() == tmp_path / "other"
    with pytest.raises(RegistryError, match="no model named 'third'"):
        find_model("third")


def test_a_model_claimed_twice_names_both(package, monkeypatch, tmp_path):
    package("bell-pack", "bell_pack", GOOD, models="bell-1 = bell_pack:folder")
    package("other-bells", "other_bells", GOOD, models="bell-1 = other_bells:folder")
    with pytest.raises(RegistryError, match=r"claimed by bell-pack .* and other-bells"):
        model_folder("bell-1")
    monkeypatch.setattr(registry, "_bundled_models", lambda: {"bell-1": tmp_path})
    with pytest.raises(RegistryError, match=r"comes with synthmatch and with .*bell-pack"):
        model_folder("bell-1")


def test_a_model_whose_package_fails_is_one_clear_error(package):
    source = "def folder():\n    raise OSError('moved')"
    package("bell-pack", "bell_pack", source, models="bell-1 = bell_pack:folder")
    with pytest.raises(RegistryError, match="model 'bell-1' fails to load: OSError: moved"):
        model_folder("bell-1")


def test_bundled_models_lie_in_the_package_or_beside_it():
    for name in registry._bundled_models():
        assert (model_folder(name) / "config.json").is_file()


def test_a_property_that_raises_is_one_clear_error(package):
    source = GOOD.replace(
        "    sample_rate = 8000", "    @property\n    def sample_rate(self): 1 / 0"
    )
    package("bell-pack", "bell_pack", source, synths="bell = bell_pack:Bell")
    with pytest.raises(RegistryError, match="synth 'bell' fails to load: ZeroDivisionError"):
        load_synth("bell")


def test_a_factory_without_a_signature_is_called(package):
    package("bell-pack", "bell_pack", "", synths="bell = builtins:type")
    with pytest.raises(RegistryError, match="synth 'bell'"):
        load_synth("bell")


def test_a_model_whose_function_returns_no_path_is_one_clear_error(package):
    source = "def folder():\n    return None"
    package("bell-pack", "bell_pack", source, models="bell-1 = bell_pack:folder")
    with pytest.raises(RegistryError, match="model 'bell-1' fails to load: TypeError"):
        model_folder("bell-1")


def test_entry_points_that_cannot_be_read_spoil_only_their_package(package):
    site = package("bell-pack", "bell_pack", GOOD, synths="bell = bell_pack:Bell")
    package("other-bells", "other_bells", GOOD, synths="chime = other_bells:Bell")
    next(site.glob("*.dist-info")).joinpath("entry_points.txt").write_text(
        "[synthmatch.synths]\nbell is a synth\n"
    )
    with pytest.warns(RegistryWarning, match="package 'bell-pack' is left out"):
        names = list_synths()
    assert "chime" in names and "jsyn" in names and "bell" not in names
    with pytest.warns(RegistryWarning):
        assert load_synth("chime").name == "bell"
