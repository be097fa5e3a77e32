#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""make_sparse.py IMAGE OUT: copy an image of a file system without its holes, as
image.h reads it."""
import sys

BLOCK = 4096
MAGIC = b"SPARSE01"

with open(sys.argv[1], "rb") as image, open(sys.argv[2], "wb") as out:
    out.write(MAGIC)
    offset = 0
    while block := image.read(BLOCK):
        if block.strip(b"\0"):
            out.write(offset.to_bytes(8, "little") + block.ljust(BLOCK, b"\0"))
        offset += len(block)
