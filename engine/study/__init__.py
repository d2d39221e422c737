"""The study: how good the default method is, beside plain baselines, on clips that it never learnt from."""
