"""The page in a real browser with a played microphone: it hears, learns from its model file alone, and takes back."""

import base64
import dataclasses
import functools
import http.server
import json
import shutil
import threading
from pathlib import Path
from typing import ClassVar

import numpy as np
import onnx
import onnxruntime
import pytest
import soundfile

from pace_edge.config import DEMO_RECORDING, STARTER_MODEL
from pace_edge.model_file import ModelInfo, read_model
from pace_edge.model_parts import read_metadata, seal
from tests.chromium import Chromium
from tests.synthetic import tone
from tests.waiting import PATIENCE_S, wait_until

ROOT = Path(__file__).parents[2]
SOUNDS = ROOT / "examples" / "sounds"
CHROMIUM = shutil.which("chromium")
ASKED_FOR = ROOT / "examples" / "browser" / "node_modules" / "onnxruntime-web"

pytestmark = [
    pytest.mark.skipif(not CHROMIUM, reason="needs Chromium: apt-get install chromium"),
    pytest.mark.skipif(not ASKED_FOR.exists(), reason="needs onnxruntime-web: npm ci --prefix examples/browser"),
]


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    models: ClassVar[dict[str, Path]] = {}  # files of other folders, by the path that they are asked for

    def translate_path(self, path):
        return str(self.models.get(path) or super().translate_path(path))

    def log_message(self, *words):
        pass


@pytest.fixture(scope="module")
def site():
    """The address of the page on a plain file server."""
    handler = functools.partial(QuietHandler, directory=ROOT)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def rooster_and_rings(tmp_path_factory):
    """A rooster for 10 s, 6 s of silence, a bell for 19 s and the same bell in a hall for 10 s: each long enough for a
    busy machine, whose page leaves windows out. What comes after the silence is the bell."""
    (demo, rate_hz), (ring, _), (hall, _) = map(
        soundfile.read, (DEMO_RECORDING, SOUNDS / "ring.wav", SOUNDS / "ring_hall.wav")
    )
    rooster = demo[round(1.3 * rate_hz) : round(3.8 * rate_hz)]
    path = tmp_path_factory.mktemp("microphone") / "programme.wav"
    programme = [np.tile(rooster, 4), np.zeros(6 * rate_hz), np.tile(ring, 6), np.tile(hall, 3)]
    soundfile.write(path, np.concatenate(programme), rate_hz, subtype="PCM_16")
    return path


@pytest.fixture(scope="module")
def browser(site, rooster_and_rings, tmp_path_factory):
    with Chromium(CHROMIUM, tmp_path_factory.mktemp("browser") / "profile", rooster_and_rings) as browser:
        yield browser


@pytest.fixture
def page(browser, site):
    """The page with its model loaded; in the end, it must have asked nobody but its server, without a complaint."""
    browser.open(site + "examples/browser/", width=360)
    browser.wait("document.querySelector('#listen')?.disabled === false", PATIENCE_S)
    yield browser
    assert browser.complaints == []
    assert [url for url in browser.requests if not url.startswith((site, "data:"))] == []


def heard(page):
    return page.run("document.querySelector('#heard').textContent")


def wait_heard(page, name, score=0.0):
    page.wait(
        f"document.querySelector('#heard').textContent === '{name}'"
        f" && Number(document.querySelector('.best .score').textContent) >= {score}", PATIENCE_S,
    )  # fmt: skip


def labels(page):
    return page.run("[...document.querySelectorAll('#classes .name')].map((name) => name.textContent)")


def test_a_sound_taught_once_is_known_when_it_plays_again_until_it_is_taken_back(page, tmp_path):
    page.run("document.querySelector('#listen').click()")
    page.wait("document.querySelector('#status').textContent === 'Listening.'", PATIENCE_S)
    wait_heard(page, "rooster", 0.4)
    page.run(BELL_HEARD)
    page.wait("bell.windows >= 2", PATIENCE_S)
    assert "doorbell" not in labels(page)
    page.run("document.querySelector('#label').focus()")
    page.page("Input.insertText", text="doorbell")
    for kind in ("keyDown", "keyUp"):
        page.page("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", text="\r", windowsVirtualKeyCode=13)
    wait_heard(page, "doorbell", 1.0)
    assert labels(page)[-1] == "doorbell"
    wait_heard(page, "rooster", 0.4)
    wait_heard(page, "doorbell", 1.0)
    assert_saved_model_knows_the_bell(saved(page, tmp_path))
    page.run("document.querySelector('#undo').click()")
    page.wait("document.querySelector('#status').textContent.startsWith('Took back')", PATIENCE_S)
    assert "doorbell" not in labels(page)
    assert heard(page) != "doorbell"
    page.run("document.querySelector('#listen').click()")


# Counts, by the level of each half second, those of sound after two seconds of silence, and, from the fifth on, the
# windows that the page was told the scores of: the second of them holds nothing but the bell
BELL_HEARD = """(() => {
  window.bell = { silent: 0, sounding: 0, windows: 0 };
  new MutationObserver(() => {
    const silent = document.querySelector("#level").value < -55;
    if (bell.silent >= 4 && (!silent || bell.sounding)) bell.sounding += 1;
    else bell.silent = silent ? bell.silent + 1 : 0;
  }).observe(document.querySelector("#level"), { attributes: true });
  new MutationObserver(() => { bell.windows += bell.sounding >= 5; })
    .observe(document.querySelector("#classes"), { childList: true, subtree: true });
})()"""


def saved(page, folder):
    """The file that the page's save button gives."""
    page.page("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))
    page.run("document.querySelector('#save').click()")
    wait_until(lambda: (folder / "learned.onnx").exists(), "the file is saved")
    return folder / "learned.onnx"


def assert_saved_model_knows_the_bell(path):
    proto = onnx.load(path)
    onnx.checker.check_model(proto, full_check=True)
    old, new = read_model(STARTER_MODEL), read_model(path)
    assert new.info == dataclasses.replace(
        old.info, name=new.info.name, labels=(*old.info.labels, "doorbell"), counts=(*old.info.counts, 1.0)
    )
    assert new.info.name != old.info.name
    hall, _ = soundfile.read(SOUNDS / "ring_hall.wav", dtype="float32")
    scores = onnxruntime.InferenceSession(path).run(["scores"], {"pcm": hall[None, :32000]})[0]
    assert new.info.labels[scores.argmax()] == "doorbell"
    assert {output.name for output in proto.graph.output} == {"scores", "features", "embedding", "names", "thresholds"}


def as_base64(values):
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()


def from_base64(text):
    return np.frombuffer(base64.b64decode(text), np.float64)


IN_PAGE = """(async () => {
  const { openModel } = await import("/examples/browser/model.js");
  const model = await openModel(MODEL);
  const pcm = new Float32Array(Uint8Array.from(atob(PCM), (character) => character.charCodeAt(0)).buffer);
  const coded = (numbers) => {
    let text = "";
    for (const byte of new Uint8Array(Float64Array.from(numbers).buffer)) text += String.fromCharCode(byte);
    return btoa(text);
  };
  SCRIPT
})()"""


def in_page(page, pcm, script, model=None):
    """What `script` returns, with `model` (a file, or the starter), `pcm` and `coded` in its scope."""
    url = "/pace_edge/starter/pace-starter.onnx"
    if model is not None:
        QuietHandler.models[url := f"/models/{model.name}"] = model
    filled = IN_PAGE.replace("SCRIPT", script).replace("PCM", json.dumps(as_base64(pcm)))
    return page.run(filled.replace("MODEL", json.dumps(url)))


@pytest.fixture(scope="module")
def window():
    ring, _ = soundfile.read(SOUNDS / "ring.wav", dtype="float32")
    return ring[:32000]


@pytest.fixture(scope="module")
def here(window):
    """Scores and features of the window by ONNX Runtime in Python."""
    session = onnxruntime.InferenceSession(STARTER_MODEL, providers=["CPUExecutionProvider"])
    return session.run(["scores", "features"], {"pcm": window[None]})


def test_it_scores_a_window_as_python_does(page, window, here):
    scores, phi = map(
        from_base64,
        in_page(page, window, "const { scores, phi } = await model.hear(pcm); return [coded(scores), coded(phi)];"),
    )
    assert np.abs(scores - here[0][0]).max() < 1e-4
    assert np.abs(phi - here[1][0]).max() < 1e-4


TEACH = """
  const { phi } = await model.hear(pcm), start = { ...model.state };
  await model.learn(LABEL, phi);
  const learned = ["R", "W", "counts"].map((name) => coded(model.state[name]));
  await model.undo();
  const left = (name) => model.state[name].reduce((most, now, i) => Math.max(most, Math.abs(now - start[name][i])), 0);
  return [coded(phi), learned, Math.max(left("R"), left("W"), left("counts"))];
"""


@pytest.mark.parametrize("label", ["doorbell", "rain"])
def test_the_rule_learns_in_the_browser_what_pace_edge_learns_and_takes_it_back(page, window, label):
    phi, learned, left = in_page(page, window, TEACH.replace("LABEL", json.dumps(label)))
    classifier = read_model(STARTER_MODEL).classifier
    classifier.learn(from_base64(phi), label)
    for ours, theirs in zip((classifier.R, classifier.W, classifier.counts), map(from_base64, learned), strict=True):
        assert np.abs(ours.ravel() - theirs).max() < 1e-8
    assert left < 1e-8


TEACH_AND_SAVE = """
  const { scores, bars, phi } = await model.hear(pcm);
  await model.learn("doorbell", phi);
  const bytes = Array.from(model.learnedFile(), (byte) => String.fromCharCode(byte));
  const after = await model.hear(pcm);
  return [coded(scores), coded(bars), coded(phi), btoa(bytes.join("")), coded(after.scores), coded(after.bars)];
"""


def assert_heard(model, phi, scores, bars):
    """The page's scores, and what they must reach, are pace-edge's."""
    read_out, classifier = model.info.read_out, model.classifier
    assert np.abs(from_base64(scores) - read_out.scores(classifier, phi)).max() < 1e-4
    expected = read_out.score_bars(classifier) if read_out.gains else model.info.threshold
    assert np.abs(from_base64(bars) - expected).max() < 1e-4


def test_a_file_of_several_views_hears_learns_and_is_saved(page, any_model, tmp_path):
    pcm = tone(900, 1, rng=np.random.default_rng(1))
    scores, bars, phi, saved, scores_after, bars_after = in_page(page, pcm, TEACH_AND_SAVE, any_model)
    model, phi = read_model(any_model), from_base64(phi)
    assert_heard(model, phi, scores, bars)
    model.classifier.learn(phi, "doorbell")
    assert_heard(model, phi, scores_after, bars_after)
    (tmp_path / "saved.onnx").write_bytes(base64.b64decode(saved))
    onnx.checker.check_model(onnx.load(tmp_path / "saved.onnx"), full_check=True)
    new = read_model(tmp_path / "saved.onnx")
    assert new.info.labels == (*model.info.labels, "doorbell")
    assert np.abs(new.classifier.W - model.classifier.W).max() < 1e-8
    assert new.classifier.R.shape == model.classifier.R.shape
    assert np.abs(new.classifier.R - model.classifier.R).max() < 1e-8
    if model.info.read_out.gains:
        assert np.abs(new.classifier.Q - model.classifier.Q).max() < 1e-8
        assert np.abs(new.classifier.squares - model.classifier.squares).max() < 1e-8


SAVE_AS_IT_IS = """(async () => {
  const { learnedFile, metadata, state } = await import("/examples/browser/onnx_file.js");
  const file = Uint8Array.from(atob(FILE), (character) => character.charCodeAt(0));
  const saved = learnedFile(file, JSON.parse(metadata(file).labels), state(file), "renamed");
  return btoa(Array.from(saved, (byte) => String.fromCharCode(byte)).join(""));
})()"""


def test_a_saved_file_differs_only_in_what_was_learned_and_has_no_stale_checksums(page, any_model):
    sealed = onnx.load(any_model)
    seal(sealed)
    file = np.frombuffer(sealed.SerializeToString(), np.uint8)
    saved = onnx.load_from_string(
        base64.b64decode(page.run(SAVE_AS_IT_IS.replace("FILE", json.dumps(as_base64(file)))))
    )
    said = ModelInfo.from_metadata(read_metadata(saved))
    assert said == dataclasses.replace(read_model(any_model).info, name="renamed")
    assert "pace_edge.sha256" not in read_metadata(saved)
    del saved.metadata_props[:], sealed.metadata_props[:]
    assert saved == sealed


def test_everything_has_a_name_and_fits_a_small_screen(page):
    assert page.run("document.documentElement.scrollWidth") <= 360
    nodes = page.page("Accessibility.getFullAXTree")["nodes"]
    controls = [n for n in nodes if n.get("role", {}).get("value") in ("button", "textbox", "combobox", "meter")]
    assert len(controls) == 4 + 1 + 1 + 22
    assert [node for node in controls if not node.get("name", {}).get("value")] == []


CONTRAST = """(() => {
  const luminance = (color) => {
    const [r, g, b] = color.match(/[0-9.]+/g).slice(0, 3).map((v) => v / 255).map(
      (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const page = luminance(getComputedStyle(document.body).backgroundColor);
  return [...document.querySelectorAll("h1, h2, p, label, button, input, .name, .score")].map((element) => {
    const text = luminance(getComputedStyle(element).color);
    return (Math.max(text, page) + 0.05) / (Math.min(text, page) + 0.05);
  });
})()"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_its_text_can_be_read_in_light_and_dark(page, scheme):
    page.page("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    page.run("document.querySelector('#classes li').classList.add('best')")
    dark = page.run("matchMedia('(prefers-color-scheme: dark)').matches")
    assert dark == (scheme == "dark")
    assert min(page.run(CONTRAST)) >= 4.5  # WCAG 2.2, AA


def test_a_model_that_is_not_there_is_said_in_words(browser, site):
    browser.open(site + "examples/browser/?model=none.onnx", width=360)
    browser.wait(
        "document.querySelector('#status')?.textContent.startsWith('That failed: there is no model at')", PATIENCE_S
    )
    assert browser.run("document.querySelector('#listen').disabled")
    browser.complaints.clear()  # Chromium itself reports the 404


def test_a_file_that_is_no_model_is_said_in_words(browser, site):
    browser.open(site + "examples/browser/?model=style.css", width=360)
    browser.wait("document.querySelector('#status')?.textContent.includes('no ONNX file')", PATIENCE_S)
    assert browser.run("document.querySelector('#listen').disabled")
