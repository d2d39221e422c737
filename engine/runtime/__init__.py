"""Runtime: devices, threads and memory of the process."""
