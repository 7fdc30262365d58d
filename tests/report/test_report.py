"""The HTML report: whole, self-contained, escaped, small, and true to its sounds."""

from __future__ import annotations

import base64
import io
import re
import sys
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

pytest.importorskip("matplotlib")
from PIL import Image

from synthmatch import Note, Parameter, ParameterSpace, Patch, SynthmatchError
from synthmatch.errors import AudioError, ParameterError
from synthmatch.matcher import Candidate, Match
from synthmatch.metrics import Metric
from synthmatch.report import ReportUnavailableError, pictures, write_report
from synthmatch.report.pictures import LOWEST, loudness_over_time

NASTY = "<script>alert(1)</script> & \"quotes\" 'x' $\\alpha$ {brace} ünï"
VOID = {"meta", "br", "wbr", "img", "hr", "input", "link"}
SELF_CLOSED = {"path", "use", "image", "circle"}
RATE = 22050
NOTE = Note(69, 100, 0.3, 0.5)
SPACE = ParameterSpace(
    "bell",
    [
        Parameter.continuous("cutoff", 20, 20000, scale="log", group="filter", unit="Hz"),
        Parameter.ordinal("octave", [-1, 0, 1], default=0, group="oscillator"),
        Parameter.categorical("wave", ["sine", NASTY], group=NASTY),
        Parameter.categorical("sync", [False, True]),
        Parameter.ordinal(NASTY, range(100), default=50, unit=NASTY),
    ],
)


def tone(frequency, level=0.5, rate=RATE, seconds=0.5):
    t = np.arange(int(seconds * rate)) / rate
    return (level * np.sin(2 * np.pi * frequency * t)).astype(np.float32)


def candidate(audio, distance=0.1, metrics=None, **values):
    patch = SPACE.patch(values)
    return Candidate(patch, SPACE.encode(patch), audio, distance, metrics or {})


def metric(name, unit, higher_is_better, meaning):
    return Metric(name, unit, higher_is_better, meaning, lambda target, candidate, rate: None)


def write(path, target, candidates, rate=RATE, **options):
    defaults = {
        "title": "bell.wav",
        "provenance": {"Method": "by hand"},
        "spaces": {SPACE.synth: SPACE},
        "note": NOTE,
    }
    write_report(
        path,
        target_audio=target,
        sample_rate=rate,
        candidates=candidates,
        **{**defaults, **options},
    )
    return Page(path.read_text(encoding="utf-8"))


class Page(HTMLParser):
    """The elements, attributes and text of a page whose tags all close."""

    def __init__(self, source):
        super().__init__()
        self.source = source
        self.open, self.elements, self.texts = [], [], []
        self.feed(source)
        self.close()
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> in {self.open}"
        self.open.pop()

    def handle_data(self, data):
        if not {"script", "style"} & set(self.open):
            self.texts.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())

    @property
    def sounds(self):
        sources = [attributes["src"] for attributes in self.all("audio")]
        assert all(source.startswith("data:audio/wav;base64,") for source in sources)
        return [
            soundfile.read(io.BytesIO(base64.b64decode(source.partition(",")[2])))
            for source in sources
        ]

    @property
    def pictures(self):
        sources = [attributes["xlink:href"] for attributes in self.all("image")]
        return [base64.b64decode(source.partition(",")[2]) for source in sources]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A page with everything on it, every text of it nasty."""
    candidates = [
        candidate(tone(440, 0.5), 0.01, {"mfccd": 3.0, "likeness": 99.0, "odd": 1.0}, octave=1),
        candidate(tone(220, 0.25), 0.2, {"mfccd": 13.0, "likeness": 40.0}, octave=1, wave=NASTY),
    ]
    return write(
        tmp_path_factory.mktemp("report") / "a.html",
        tone(440, 0.5),
        candidates,
        title=NASTY,
        provenance={NASTY: NASTY, "Seed": "0"},
        warnings=[NASTY],
        metrics=[
            metric("mfccd", "", False, NASTY),
            metric("likeness", "%", True, "how alike"),
            metric("absent", "dB", True, "in no candidate"),
        ],
        history=[(10, 0.1, 0.9), (100, 0.5, 0.3), (500, 1.0, 0.01)],
    )


def test_the_page_is_one_whole_document(page):
    assert page.source.startswith("<!DOCTYPE html>")
    for tag in ("html", "head", "body", "main", "h1", "title"):
        assert len(page.all(tag)) == 1
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    references = set(re.findall(r'(?:url\(|href=")#([^")]+)', page.source))
    assert references and references <= set(ids)


def test_nothing_is_loaded_from_anywhere(page):
    assert "http:" not in page.source and "https:" not in page.source
    for _, attributes in page.elements:
        for name in ("src", "href", "xlink:href", "action", "data", "poster"):
            assert attributes.get(name, "#").startswith(("data:", "#"))
    assert "url(" not in re.sub(r"url\(#", "", page.source) and "@import" not in page.source
    policy = next(a for a in page.all("meta") if a.get("http-equiv"))["content"]
    assert "default-src 'none'" in policy


def test_all_text_is_escaped(page):
    assert len(page.all("script")) == 1
    assert "alert(1)" in page.source
    assert "<script>alert" not in page.source
    text = page.text.replace("_ ", "_")
    # title, heading, warning, provenance (2), metric, group, categorical value, parameter, unit
    assert text.count(NASTY) >= 9


def test_players_hold_the_sounds(page):
    target, best, other = page.sounds
    for (sound, rate), expected in zip(
        (target, best, other), (tone(440), tone(440), tone(220, 0.25)), strict=True
    ):
        assert rate == RATE and sound.shape == expected.shape
        np.testing.assert_allclose(sound, expected, atol=1.01 / 32768)


def test_people_who_cannot_see_or_use_a_mouse_are_told_and_reached(page):
    assert all(a["aria-label"] and "controls" in a for a in page.all("audio"))
    for attributes in page.all("svg"):
        described = attributes.get("role") == "img" and attributes["aria-label"]
        assert described or attributes.get("aria-hidden") == "true"
    assert page.all("html")[0]["lang"] == "en"
    assert all("scope" in a for a in page.all("th"))
    assert all(a.get("tabindex") == "0" for a in page.all("div") if a.get("class") == "scroll")
    assert "prefers-color-scheme: dark" in page.source
    assert any(a.get("name") == "viewport" for a in page.all("meta"))


def test_spectrograms_share_their_scale_and_show_frequency_where_it_is(page):
    target, best, other = page.pictures
    assert target == best != other
    levels = [
        np.asarray(Image.open(io.BytesIO(p)).convert("L"), np.float64) for p in (target, other)
    ]
    transform = page.all("image")[0]["transform"]
    upside_down = float(transform.removeprefix("matrix(").split()[3]) < 0
    for level, frequency in zip(levels, (440, 220), strict=True):
        rows = len(level)
        loudest = int(level[:, level.shape[1] // 2].argmax())
        height = loudest if upside_down else rows - 1 - loudest
        expected = np.log(frequency / LOWEST) / np.log(RATE / 2 / LOWEST) * (rows - 1)
        assert abs(height - expected) <= 2
    assert levels[0].max() > levels[1].max()


def test_loudness_is_that_of_the_standard():
    """ITU-R BS.1770: a full-scale sine of 997 Hz reads -3.01."""
    time, level = loudness_over_time(tone(997, 1.0, 48000, 1.0), 48000)
    assert level[len(level) // 2] == pytest.approx(-3.01, abs=0.05)
    assert time[1] - time[0] == pytest.approx(0.01)
    assert loudness_over_time(np.zeros(480, np.float32), 48000)[1].max() == -70


def test_scores_tell_their_direction_and_the_best(page):
    assert "↓ lower is better" in page.text and "↑ higher is better" in page.text
    assert "99.0 (best)" in page.text and "0.010 (best)" in page.text and "3.0 (best)" in page.text
    assert "absent" not in page.text
    assert "likeness, %" in page.text and "odd" in page.text and "–" in page.text


def test_parameters_are_grouped_and_differences_shown(page):
    text = page.text
    assert "filter cutoff 20 Hz" in text and "oscillator octave 1" in text and "sync off" in text
    assert "1 parameter differs" in text and "4 parameters are the same in all" in text
    assert len(page.all("circle")) == 2


def test_the_same_input_gives_the_same_page(tmp_path):
    pages = [write(tmp_path / name, tone(440), [candidate(tone(300))]) for name in "ab"]
    assert pages[0].source == pages[1].source


def test_one_plain_candidate_is_enough_and_frozen_parameters_are_marked(tmp_path):
    space = SPACE.freeze({"octave": 0})
    plain = write(tmp_path / "a", tone(440), [candidate(tone(300))], spaces={space.synth: space})
    assert "Differences" not in plain.text and "octave held 0" in plain.text
    assert not plain.all("aside")


def test_candidates_that_are_alike_say_so(tmp_path):
    alike = write(tmp_path / "a", tone(440), [candidate(tone(300)), candidate(tone(301), 0.2)])
    assert "All candidates are alike" in alike.text


def test_silence_short_sounds_and_other_lengths_are_drawn(tmp_path):
    sounds = [np.zeros(300, np.float32), tone(440, seconds=0.02), tone(440, seconds=2.0)]
    page = write(tmp_path / "a", sounds[0], [candidate(s) for s in sounds])
    assert [len(sound) for sound, _ in page.sounds] == [300, 300, 441, 44100]


def test_loud_sounds_are_turned_down_together(tmp_path):
    page = write(tmp_path / "a", tone(440, 0.5), [candidate(tone(300, 2.0))])
    peaks = [np.abs(sound).max() for sound, _ in page.sounds]
    assert peaks == pytest.approx([0.25, 1.0], abs=1e-3)
    assert "6.0 dB down" in page.text


def test_a_page_of_five_candidates_of_four_seconds_is_small(tmp_path):
    rng = np.random.default_rng(0)
    noise = [0.1 * rng.normal(size=4 * 48000).astype(np.float32) for _ in range(6)]
    page = write(tmp_path / "a", noise[0], [candidate(n) for n in noise[1:]], rate=48000)
    assert len(page.source.encode()) < 3_000_000
    sound, rate = page.sounds[0]
    assert rate == 32000 and len(sound) == 4 * 32000


def test_resampled_players_keep_pitch_and_level(tmp_path):
    page = write(tmp_path / "a", tone(1000, rate=48000), [candidate(tone(1000, rate=48000))], 48000)
    sound, rate = page.sounds[0]
    middle = slice(2000, 14000)
    np.testing.assert_allclose(sound[middle], tone(1000, rate=rate)[middle], atol=2e-3)


def test_more_than_ten_candidates_are_cut_and_counted(tmp_path):
    page = write(tmp_path / "a", tone(440), [candidate(tone(440 + i), i) for i in range(12)])
    assert len(page.sounds) == 11 and "2 more candidates are not shown" in page.text


@pytest.mark.parametrize(
    ("target", "candidates", "error", "message"),
    [
        (tone(440), [], ParameterError, "at least one candidate"),
        (tone(440)[None], [candidate(tone(440))], AudioError, "the target is not"),
        (tone(440), [candidate(tone(440)[:0])], AudioError, "the candidate is not"),
        (tone(440) * np.float32("nan"), [candidate(tone(440))], AudioError, "finite"),
        (
            tone(440),
            [Candidate(Patch("organ", {}), np.empty(0), tone(440), 0, {})],
            ParameterError,
            "'organ'",
        ),
    ],
)
def test_what_cannot_be_shown_is_refused(tmp_path, target, candidates, error, message):
    with pytest.raises(error, match=message):
        write(tmp_path / "a", target, candidates)
    assert not list(tmp_path.iterdir())


def test_a_match_is_reported_with_how_it_was_found(tmp_path):
    recording = SimpleNamespace(
        name="bell.flac", warnings=("a hum",), at=lambda rate: tone(440, rate=rate)
    )
    match = Match(
        synth="bell",
        target=recording,
        note=Note(69.25, 90, 0.3, 0.5),
        sample_rate=RATE,
        candidates=(candidate(tone(440), 0.0375, {"mfccd": 4.0}),),
        method="CMA-ES",
        renders=12345,
        stopped="budget",
        timings={"search": 3.0, "rank": 0.25},
        seed=7,
        backend={"plug-in": "Bell 2.0"},
        history=((1, 0.1, 0.5), (2, 0.2, 0.0375)),
        instrument=SimpleNamespace(space=SPACE),
    )
    match.report(tmp_path / "a.html")
    page = Page((tmp_path / "a.html").read_text(encoding="utf-8"))
    shown = ("bell.flac", "a hum", "CMA-ES", "12,345", "3.2 s", "budget", "Seed 7", "22,050 Hz")
    assert all(text in page.text for text in (*shown, "Bell 2.0"))
    assert "A4 +25 cents (MIDI 69.25) at velocity 90, held 0.30 s of 0.50 s" in page.text
    assert "people call sounds similar" in page.text and "0.0375" in page.text


def test_a_page_that_cannot_be_written_is_an_error_of_synthmatch(tmp_path):
    with pytest.raises(SynthmatchError, match=r"cannot write .*no.a\.html: No such file"):
        write(tmp_path / "no" / "a.html", tone(440), [candidate(tone(440))])


@pytest.mark.parametrize("package", ["jinja2", "matplotlib"])
def test_what_is_not_installed_is_named_with_how_to_get_it(tmp_path, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    message = rf'reports need {package}; .* pip install "synthmatch\[report\]"'
    with pytest.raises(ReportUnavailableError, match=message):
        write(tmp_path / "a", tone(440), [candidate(tone(440))])


def test_a_name_that_is_no_text_is_shown(tmp_path):
    page = write(tmp_path / "a", tone(440), [candidate(tone(440))], title="b\udcffll.wav")
    assert "b?ll.wav" in page.text


def test_progress_is_one_line_for_each_way_of_comparing() -> None:
    before = [(64, 0.1, 0.2), (88, 0.2, 0.18)]
    for after, lines in ((0.18, 1), (0.17, 1), (0.205, 2)):
        picture = pictures.progress([*before, (924, 1.1, after), (990, 1.3, 0.16)], 7.0)
        assert picture.count("stroke-width: 2;") == lines
