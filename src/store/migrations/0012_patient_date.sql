-- A patient's records of a type in the order of their dates: lists of the newest end after a page.
CREATE INDEX resource_patient_date ON resource (tenant, patient, type, date, id) WHERE patient <> '';
