(function (doc, req) {
  // One user's document, for an operator's own replication from server to server:
  // `?filter=registry/by_username&username=alice`, with the name as ids encode it. By the id, which a deletion has too.
  // CouchDB runs it for every document of the database: it is not for what users do.
  // Set-up writes the deployment's own prefix of ids over the next line.
  var ID_PREFIX = 'user_';
  var username = req.query.username;
  return typeof username === 'string' && doc._id === ID_PREFIX + username;
});
