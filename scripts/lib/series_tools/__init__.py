# SPDX-License-Identifier: GPL-2.0
"""Shared by the Python scripts: the series, its states, the work tree."""
