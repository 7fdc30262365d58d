"""Finding plug-ins in the standard folders of each system, or where the user says."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import pytest

from synthmatch.errors import HostingError
from synthmatch.hosting import find_plugin, plugin_folders

VARIABLE = "SYNTHMATCH_TEST_PLUGIN"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """Make a home folder the only place there is."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setattr(Path, "home", lambda: folder)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setattr("synthmatch.hosting.finding._ELSEWHERE", ("~/.vst3", "~/vendor/vst3"))
    monkeypatch.delenv(VARIABLE, raising=False)
    return folder


def bundle(path):
    (path / "Contents").mkdir(parents=True)
    return path


def test_linux(home, monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    assert plugin_folders() == []
    mine = bundle(home / ".vst3" / "Bell.vst3")
    assert plugin_folders() == [home / ".vst3"]
    assert find_plugin(["Bell"]) == mine


def test_the_standard_folders_of_linux_are_those_of_the_vst3_documentation(monkeypatch):
    monkeypatch.undo()
    from synthmatch.hosting import finding

    assert {"~/.vst3", "/usr/lib/vst3", "/usr/local/lib/vst3"} <= set(finding._ELSEWHERE)


def test_macos_prefers_vst3_to_audio_units(home, monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    plugins = home / "Library" / "Audio" / "Plug-Ins"
    unit = bundle(plugins / "Components" / "Bell.component")
    assert find_plugin(["Bell"]) == unit
    with pytest.raises(HostingError, match="not installed"):
        find_plugin(["Bell"], formats=(".vst3",))
    vst3 = bundle(plugins / "VST3" / "Bell.vst3")
    assert find_plugin(["Bell"]) == vst3
    assert find_plugin(["Bell"], formats=(".component", ".vst3")) == unit


@pytest.mark.parametrize("machine", ["AMD64", "ARM64"])
def test_windows_gives_the_binary_inside_the_bundle(tmp_path, monkeypatch, machine):
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setenv("COMMONPROGRAMFILES", str(tmp_path / "Common Files"))
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    folder = tmp_path / "Common Files" / "VST3"
    outer = bundle(folder / "Bell.vst3")
    with pytest.raises(HostingError, match="holds no plug-in for this system"):
        find_plugin(["Bell"])
    inner = {}
    for name, kind in {"AMD64": "x86_64-win", "ARM64": "arm64-win"}.items():
        inner[name] = outer / "Contents" / kind / "Bell.vst3"
        inner[name].parent.mkdir()
        inner[name].touch()
    assert find_plugin(["Bell"]) == inner[machine]
    assert find_plugin(["Bell"], path=outer) == inner[machine]
    assert find_plugin(["Bell"], path=inner["AMD64"]) == inner["AMD64"]
    (folder / "Chime.vst3").touch()  # a plug-in may be a single file, too
    assert find_plugin(["Chime"]) == folder / "Chime.vst3"


def test_windows_looks_in_the_users_own_folder_first(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    found = []
    for variable, tail in {
        "LOCALAPPDATA": "Programs/Common/VST3",
        "COMMONPROGRAMFILES": "VST3",
    }.items():
        monkeypatch.setenv(variable, str(tmp_path / variable))
        found.append(tmp_path / variable / tail / "Bell.vst3")
        found[-1].parent.mkdir(parents=True)
        found[-1].touch()
    assert find_plugin(["Bell"]) == found[0]


def test_case_does_not_matter_and_vendors_have_folders(home, monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    deep = bundle(home / ".vst3" / "Some Vendor" / "Bells" / "BELL.VST3")
    bundle(home / ".vst3" / "Some Vendor" / "Bell 2.vst3")
    (home / ".vst3" / "Bell.txt").touch()
    assert find_plugin(["bell"]) == deep
    bundle(home / ".vst3" / "a" / "b" / "c" / "Chime.vst3")
    with pytest.raises(HostingError, match="not installed"):
        find_plugin(["Chime"])  # too deep to look for


def test_names_come_in_order_of_preference(home, monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    old = bundle(home / ".vst3" / "Bell.vst3")
    assert find_plugin(["Bell X", "Bell"]) == old
    new = bundle(home / "vendor" / "vst3" / "Bell X.vst3")
    assert find_plugin(["Bell X", "Bell"]) == new


def test_a_path_of_the_users_goes_before_everything(home, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    bundle(home / ".vst3" / "Bell.vst3")
    other, third = bundle(tmp_path / "x" / "Renamed.vst3"), bundle(tmp_path / "y" / "Bell.vst3")
    monkeypatch.setenv(VARIABLE, str(other))
    assert find_plugin(["Bell"], variable=VARIABLE) == other
    assert find_plugin(["Bell"], variable=VARIABLE, path=third) == third
    assert find_plugin(["Bell"], path=tmp_path / "y") == third  # the folder that it is in
    binary = third / "Contents" / "x86_64-linux" / "Bell.so"
    binary.parent.mkdir()
    binary.touch()
    assert find_plugin(["Bell"], path=binary) == third
    moved = bundle(home / "Bell.vst3")
    assert find_plugin(["Bell"], path="~/Bell.vst3") == moved


def test_a_path_that_is_wrong_is_not_replaced_by_another(home, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    bundle(home / ".vst3" / "Bell.vst3")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "gone"))
    with pytest.raises(HostingError, match=rf"no plug-in at .*gone \(from {VARIABLE}\)"):
        find_plugin(["Bell"], variable=VARIABLE)
    with pytest.raises(HostingError, match=r"no plug-in at .*lost$"):
        find_plugin(["Bell"], path=tmp_path / "lost")
    (tmp_path / "Bell.dll").touch()
    with pytest.raises(HostingError, match=r"Bell\.dll is not the plug-in Bell"):
        find_plugin(["Bell"], path=tmp_path / "Bell.dll")


def test_the_error_says_where_was_looked_and_what_to_do(home, monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    with pytest.raises(HostingError, match=r"no plug-in folder exists.*--plugin PATH$"):
        find_plugin(["Bell"])
    (home / ".vst3").mkdir()
    with pytest.raises(HostingError, match="Bell or Chime") as caught:
        find_plugin(["Bell", "Chime"], variable=VARIABLE)
    assert str(home / ".vst3") in str(caught.value)
    assert VARIABLE in str(caught.value)
    assert "\n" not in str(caught.value)


def test_folders_that_cannot_be_read_are_passed_over(home, monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    mine = bundle(home / ".vst3" / "Bell.vst3")
    (home / ".vst3" / "a loop").symlink_to(home / ".vst3")
    (home / ".vst3" / "nowhere").symlink_to(home / "nothing")
    iterdir = Path.iterdir

    def refuse(folder):
        if folder.name == "locked":
            raise PermissionError
        return iterdir(folder)

    (home / ".vst3" / "locked").mkdir()
    monkeypatch.setattr(Path, "iterdir", refuse)
    assert find_plugin(["Bell"]) == mine
