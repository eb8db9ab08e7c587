"""One prompt into many: alternatives, wildcard files, variables, templates and matrices."""
