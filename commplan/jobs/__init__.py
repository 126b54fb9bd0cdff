"""From a training job and a machine to a folder: placement, launchers' files, and schedules."""
