"""The text of the King James Bible (1611) as bytes, from Debian's package bible-kjv-text.

The text is in the public domain (in the United Kingdom printing it is the Crown's privilege);
the file format's maker allows unrestricted use. Both are stated in the package's copyright file.
"""

from swiftopt.study.king_james import DEFAULT_FILE, load, read

__all__ = ["DEFAULT_FILE", "load", "read"]
