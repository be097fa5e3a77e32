"""What scripts/compare has measured: read, summed up, shown."""
