"""The experiment's results as tables, the published ones beside ours."""
