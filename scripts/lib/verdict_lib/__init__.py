# SPDX-License-Identifier: GPL-2.0
"""The parts of scripts/steps/verdict.

log     what a serial log consists of: lines, phases, splats
ktap    KTAP and TAP, nested or not
judge   from log and list of tests to a verdict on each
known   the list of failures that the stock kernel shows too
skips   the list of skips that are expected
kunit   what the kernel's own kunit_parser makes of the KTAP
report  JSON, JUnit, KTAP and the table
"""
