"""Evaluation: scores, benchmarks and the study of the default recipe beside baselines."""
