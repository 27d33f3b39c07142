(function (doc) {
  // How many documents are of which version (`?group=true`), and which those are (`?reduce=false&key=0`). The first
  // version, 0, had no such field.
  if (doc.type === 'user_preferences') emit(typeof doc.version === 'number' ? doc.version : 0, doc.username);
});
