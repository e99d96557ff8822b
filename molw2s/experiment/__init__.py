"""An experiment: settings in, a run out. ``run.run_suite`` is the whole flow: start there."""
