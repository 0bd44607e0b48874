"""What a section of settings is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, TypeGuard

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

APath = Annotated[Path, AfterValidator(Path.expanduser)]
Score = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0)]
SomeSeconds = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Labels = frozenset[str]


class Section(BaseModel):
    """Frozen; a key that it does not have is a mistake; an empty text leaves a setting that may be open as it was."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _empty_is_unset(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        unset = {name for name, field in cls.model_fields.items() if not field.is_required() and field.default is None}
        return {name: value for name, value in values.items() if not (value == "" and name in unset)}

    def arguments(self, *without: str) -> dict[str, Any]:
        """Its settings as keyword arguments of what it configures."""
        return {name: getattr(self, name) for name in type(self).model_fields if name not in without}


def is_section(annotation: Any) -> TypeGuard[type[Section]]:
    """Whether a setting's type is a section of settings."""
    return isinstance(annotation, type) and issubclass(annotation, Section)
