"""Pictures of posts: recognised by what they contain, decoded, written anew."""

from __future__ import annotations

from collections.abc import Sequence

import filetype

from qunclub.kernel import N_, Invalid
from qunclub.kernel.uploads import IMAGES, Checked, Upload, clean_name, named, reencode

from . import rules

FIELD = "pictures"
ACCEPT = ".png,.jpg,.jpeg,.webp,.gif"


def checked(uploads: Sequence[Upload], *, max_bytes: int) -> list[Checked]:
    """The pictures as they will be kept, for the scanner to see.

    Args:
        uploads: as they came; of each no more than *max_bytes* + 1 need be read.

    Raises:
        Invalid: on field ``pictures``, when one is empty, too large or no picture, or there are too many.
    """
    if len(uploads) > rules.MOST_PICTURES:
        raise Invalid(N_("A post takes at most %(limit)s pictures."), field=FIELD, limit=rules.MOST_PICTURES)
    found = []
    for one in uploads:
        shown = clean_name(one.name)[:60]
        if not one.data:
            raise Invalid(N_("%(name)s is empty."), field=FIELD, name=shown)
        if len(one.data) > max_bytes:
            limit = max(1, max_bytes // 1_000_000)
            raise Invalid(N_("%(name)s is larger than %(limit)s MB."), field=FIELD, name=shown, limit=limit)
        kind = filetype.guess_mime(one.data)
        if kind not in IMAGES:
            raise Invalid(
                N_("%(name)s is not a picture the club takes: PNG, JPEG, WebP or GIF."),
                field=FIELD,
                name=shown,
            )
        content_type, data = reencode(one.data, kind, shown, field=FIELD)
        ending = next(end for type_, (_pil, end) in IMAGES.items() if type_ == content_type)
        found.append(Checked(named(clean_name(one.name), ending)[:100], content_type, data))
    return found
