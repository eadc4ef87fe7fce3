"""Pure detectors, one file each: no I/O, no clock of their own, state that can be taken out and put back."""
