(function (doc, req) {
  // One user's document, for an operator's own replication from server to server:
  // `?filter=registry/by_username&username=alice`. By the id, which a deletion has too. CouchDB runs it for every
  // document of the database: it is not for what users do.
  var username = req.query.username;
  return typeof username === 'string' && doc._id === 'user_' + username;
});
