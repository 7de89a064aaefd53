"""What a measurement ran on: kept with its numbers."""

import os
import platform


def machine() -> dict[str, object]:
    return {
        "cores": os.cpu_count(),
        "load": [round(load, 2) for load in os.getloadavg()],
        "kernel": platform.release(),
        "python": platform.python_version(),
    }
