# SPDX-License-Identifier: GPL-2.0
"""What the Python scripts here share: the series, its states, the work tree."""
