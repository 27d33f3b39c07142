(function (doc) {
  // Documents with more than one live leaf: key the number of live leaves, so that `?reduce=false&descending=true` starts
  // with the worst. A conflict that stays says that its user's devices have not met it yet, or cannot resolve it.
  if (doc._conflicts) emit(doc._conflicts.length + 1, null);
});
