# SPDX-License-Identifier: GPL-2.0
"""Read, sum up and show the measurements of scripts/compare."""
