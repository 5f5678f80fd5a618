MODEL (name carriers, grain (carrier), description 'One row per carrier');
SELECT carrier, name FROM carriers_file
