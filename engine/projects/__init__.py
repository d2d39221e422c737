"""Projects of frames and masks as XMem++'s program has them, and its folders of results."""
