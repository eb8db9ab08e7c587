"""The judge of nano: measures from pixels and samples whether a clip does what its prompt says."""
