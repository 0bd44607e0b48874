"""What a label may be, and which known label a person may have meant: the same for every door by which one comes in.

A label is one line of text in Unicode's composed form (NFC), so that two labels that look the same are one class. It
has no characters that nobody sees: control characters would reach a terminal, and bidirectional or zero-width ones make
two labels that look the same.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable
from difflib import get_close_matches

from pace_edge.arguments import check_type
from pace_edge.errors import LearningError, OtherFormError, UsageError

LONGEST = 100  # characters
UNKNOWN = "unknown"  # what a listener calls a sound that is like no class
RESERVED = frozenset({UNKNOWN})  # names that a listener uses itself
_PICTURE = str.maketrans("", "", "\ufe0e\ufe0f")  # they choose between two pictures of the character before them
_UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0") | {
    chr(code) for start, end in ((0xFE00, 0xFE10), (0xE0100, 0xE01F0)) for code in range(start, end)
}  # Python calls them printable


def checked_label(label: str, own: Collection[str] = ()) -> str:
    """The label as it is stored, if a class may be given this name.

    `own`: the model's own classes; a reserved name is right only if one of them has it. Raises UsageError.
    """
    label = tidied_label(label)
    form = _form(label)
    if form in RESERVED and form not in map(_form, own):
        raise UsageError(
            f"'{label}' is what pace-edge calls a sound that is like no class, so no class can be called so",
            do="Give another name.",
        )
    return label


def taught_label(label: str, known: Collection[str], own: Collection[str] = (), *, new_class: bool = False) -> str:
    """The label as it is stored, for what is taught beside the classes `known`.

    `own`: as in `checked_label`. `new_class`: the label is meant, although there is one of another form. Raises
    UsageError, and OtherFormError where there is one and it is not meant.
    """
    label = checked_label(label, own)
    near = None if new_class else same_form(label, known)
    if near is not None:
        raise OtherFormError(label, near)
    return label


def no_class(label: str, known: Iterable[str]) -> LearningError:
    """What to raise where a class is named that is not known."""
    near = nearest(label, known)
    return LearningError(
        f"no class is called {label!r}",
        do=f"Did you mean '{near}'? Nothing was changed." if near else "Nothing was changed; see pace-edge labels.",
    )


def tidied_label(label: str) -> str:
    """The label as it is stored: composed, trimmed, one line, 1 to LONGEST visible characters; a reserved name too.
    Raises UsageError."""
    check_type("label", label, str, "a name, such as 'doorbell'")
    tidy = composed(" ".join(label.translate(_PICTURE).split()))
    if len(tidy) > LONGEST or not is_visible(tidy):
        raise UsageError(
            "this label cannot be used", expected=f"1 to {LONGEST} printable characters", got=ascii(label[:120]),
            do="Give a name such as --label doorbell.",
        )  # fmt: skip
    return tidy


def composed(label: str) -> str:
    """A label from an older journal or model file: in NFC, and otherwise as it is."""
    return unicodedata.normalize("NFC", label)


def same_form(label: str, known: Iterable[str]) -> str | None:
    """The known label that differs from `label` only in case, in `_`, `-` or space, or in Unicode form (such as a wide
    letter). None: there is no such label, or `label` itself is known."""
    known = list(known)
    if label in known:
        return None
    form = _form(label)
    return next((one for one in known if _form(one) == form), None)


def nearest(label: str, known: Iterable[str]) -> str | None:
    """The known label that was most likely meant by one that is not known; None: none is near."""
    known = list(known)
    forms = {_form(one): one for one in reversed(known)}
    near = get_close_matches(_form(label), list(forms), n=1)
    return same_form(label, known) or (forms[near[0]] if near else None)


def is_visible(label: str) -> bool:
    """Whether a person sees all of it, and a terminal takes none of it for a command. It begins with a character of its
    own: a combining mark would join the quotation mark before it."""
    return (
        bool(label)
        and label.isprintable()
        and not _UNSEEN & set(label)
        and not unicodedata.category(label[0]).startswith("M")
    )


def _form(label: str) -> str:
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", label).casefold())
    return " ".join(folded.replace("_", " ").replace("-", " ").split())
