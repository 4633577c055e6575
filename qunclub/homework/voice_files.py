"""Which recordings the club takes: recognised by what they contain, short, sound only."""

from __future__ import annotations

import filetype

from qunclub.kernel import N_, Invalid
from qunclub.kernel.uploads import AUDIO, SAME, Checked, Upload

MAX_SECONDS = 300
"""Where the page's recorder stops by itself."""
MAX_BYTES = 8_000_000
MAX_RECORDINGS = 3
"""Most recordings of one review."""
# Browsers record into these; played by <audio>, a picture in them is not shown.
RECORDED = {"video/webm": "audio/webm", "video/mp4": "audio/mp4"}
ENDINGS = {**AUDIO, "audio/webm": ".webm"}
ACCEPT = "audio/*,.mp3,.m4a,.ogg,.wav,.webm"


def check(upload: Upload) -> Checked:
    """A recording as it is kept.

    Raises:
        Invalid: on ``voice``, when it is empty, too large, or no sound.
    """
    if not upload.data:
        raise Invalid(N_("The recording is empty."), field="voice")
    if len(upload.data) > MAX_BYTES:
        raise Invalid(
            N_("The recording is larger than %(limit)s MB; make it shorter."),
            field="voice",
            limit=MAX_BYTES // 1_000_000,
        )
    kind = filetype.guess_mime(upload.data) or ""
    kind = RECORDED.get(SAME.get(kind, kind), SAME.get(kind, kind))
    if kind not in ENDINGS:
        raise Invalid(N_("This is not a recording: MP3, M4A, OGG, WAV or WebM."), field="voice")
    return Checked(f"comment{ENDINGS[kind]}", kind, upload.data)
