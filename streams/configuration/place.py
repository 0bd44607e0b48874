"""Which model, journal, signature key and state folder: found here by every verb, the page and the Python API alike.

What a call or a flag names goes before the environment, that before the page's file, that before config.toml, and that
before the default: the starter, a journal of the model's name in the state folder, and no key. So whoever teaches and
whoever listens with the same settings meet in the same journal. Nothing heavy is imported before `place` is called.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pace_edge.arguments import check_path
from pace_edge.config import STARTER_MODEL, home
from pace_edge.errors import ModelFileError
from pace_edge.model_file import Model, ModelFile, open_model, read_model
from pace_edge.signature import check_signature

if TYPE_CHECKING:
    from streams.configuration.settings import Settings
    from streams.configuration.toml_lines import Key

DEFAULT = "default"


@dataclass(frozen=True)
class Place:
    """`journal`: the file that is named, None: that of the model's name; `history`: the file of events that is named.
    `origins`: where `home`, `model`, `journal`, `signed_by` and `history` came from: a flag, a variable of the
    environment, a file and its line, or "default"."""

    home: Path
    model: Path
    journal: Path | None
    signed_by: Path | None
    history: Path | None
    origins: Mapping[str, str]
    loaded: Model | None = field(default=None, repr=False, compare=False)  # given as it is: nothing is checked again

    def open(self) -> ModelFile:
        """The model file as it is, its signature checked where one is demanded. Raises ModelFileError, and UsageError
        or PaceEdgeError for the key."""
        try:
            file = open_model(self.model)
        except ModelFileError as error:
            if self.origins["model"] in ("--model", DEFAULT):
                raise
            raise ModelFileError(f"{self.origins['model']}: {error}".removesuffix(".")) from None
        if self.signed_by is not None:
            check_signature(file.path, file.sha256, self.signed_by)
        return file

    def load(self) -> Model:
        """The model, its signature and its parts checked. Raises as `open` does."""
        return self.loaded or read_model(self.open())

    def journal_of(self, model: Model) -> Path:
        """Where this model's labels are kept: the file that is named, else that of the model's name."""
        return self.journal or journal_path(model, self.home)


def place(
    model: str | Path | Model | None = None, journal: str | Path | None = None, signed_by: str | Path | None = None,
    config: str | Path | None = None,
) -> Place:  # fmt: skip
    """What is given wins; None: as configured. `config`: the configuration file, else PACE_EDGE_CONFIG, else
    config.toml in the state folder. Raises UsageError for a mistake in what is configured, and reads no configuration
    where a loaded model and its journal are given."""
    for name, value in (("model", model), ("journal", journal), ("signed_by", signed_by), ("config", config)):
        if value is not None and not (name == "model" and isinstance(value, Model)):
            check_path(name, value)
    loaded = model if isinstance(model, Model) else None
    if loaded is not None and journal is not None and config is None:
        given = {"model": "--model", "journal": "--journal", "signed_by": DEFAULT, "history": DEFAULT}
        path = Path(journal).expanduser()
        return Place(home(), loaded.path, path, None, None, {"home": home_origin(), **given}, loaded)
    from streams.configuration.configure import Given, configure

    words = {
        "model.file": ("--model", loaded.path if loaded else model), "journal.file": ("--journal", journal),
        "model.signed_by": ("--signed-by", signed_by),
    }  # fmt: skip
    flags = {name: Given(value, flag) for name, (flag, value) in words.items() if value is not None}
    read = configure(flags, file=None if config is None else Path(config))
    return place_of(read.settings, read.origins, loaded=loaded)


def place_of(settings: Settings, origins: Mapping[Key, str] | None = None, *, loaded: Model | None = None) -> Place:
    """The same from settings that are read already; `origins` as `configure` says them."""
    paths: dict[str, Key] = {
        "model": ("model", "file"), "journal": ("journal", "file"), "signed_by": ("model", "signed_by"),
        "history": ("outputs", "history", "file"),
    }  # fmt: skip
    whence = {name: (origins or {}).get(path, DEFAULT) for name, path in paths.items()}
    return Place(
        home(), settings.model.file or STARTER_MODEL, settings.journal.file, settings.model.signed_by,
        settings.outputs.history.file, {"home": home_origin(), **whence}, loaded,
    )  # fmt: skip


def home_origin() -> str:
    """Where the state folder came from: the variable's name, or "default"."""
    return next((name for name in ("PACE_EDGE_HOME", "XDG_DATA_HOME") if os.environ.get(name)), DEFAULT)


def journal_path(model: Model, folder: Path | None = None, *, of_this_file: bool = False) -> Path:
    """The journal where none is named: the file of the model's name in the state folder; or, once `relearn` has made
    it, that of this very model file, since one name may have had several."""
    safe_name = "".join(c if c.isalnum() or c in "-_." else "_" for c in model.info.name)
    own = (folder or home()) / "journals" / f"{safe_name}-{model.sha256[:12]}.sqlite"
    return own if of_this_file or own.exists() else own.with_name(f"{safe_name}.sqlite")
