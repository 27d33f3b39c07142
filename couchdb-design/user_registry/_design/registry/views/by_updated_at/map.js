(function (doc) {
  // Who changed something since a time, and who has not for a year: key the time of the last edit, value the username.
  if (doc.type === 'user_preferences') emit(doc.updated_at, doc.username);
});
