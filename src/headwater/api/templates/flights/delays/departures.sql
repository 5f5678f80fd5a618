MODEL (name departures, description 'Flights that left, with their delay in minutes');
SELECT scheduled_at, carrier, flight, origin, dest, dep_delay
FROM operations.flights
WHERE NOT cancelled
