"""What the Python scripts here share: the series, its states, the work tree."""
