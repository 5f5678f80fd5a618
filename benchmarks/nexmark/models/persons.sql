MODEL (name persons, output view, description 'Everybody who may bid and sell');
SELECT person.id AS id, person.name AS name, person.email AS email, person.credit_card AS credit_card,
  person.city AS city, person.state AS state, date_time, person.extra AS extra
FROM events
WHERE event_type = 0
