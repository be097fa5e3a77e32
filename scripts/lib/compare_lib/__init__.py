# SPDX-License-Identifier: GPL-2.0
"""What scripts/compare has measured: read, summed up, shown."""
