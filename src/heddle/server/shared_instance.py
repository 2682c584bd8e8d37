"""``python -m heddle.server.shared_instance FOLDER/instance.json``: an instance with guests.

It is ``heddle.serving.instance`` with a device that its networks can share. The runtime behind
that device is loaded when the first guest comes, and not before.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from heddle.serving.instance.__main__ import leave, main

if TYPE_CHECKING:
    from heddle.server.sharing import SharedSegmentDevice


def _new_device() -> SharedSegmentDevice:
    from heddle.server.sharing import open_shared_device  # noqa: PLC0415 (see above)

    return open_shared_device()


if __name__ == "__main__":
    leave(main(sys.argv[1:], _new_device))
