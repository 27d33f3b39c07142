/** How many documents are of which version (`?group=true`), and which (`?reduce=false&key=0`): 0 is the first, which had none. */
(function (doc) {
  if (doc.type === 'user_preferences') emit(typeof doc.version === 'number' ? doc.version : 0, doc.username);
});
