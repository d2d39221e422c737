"""Propagation: frames and keyframes in, mattes out; pure computation without files."""
