"""What columns are called, by subject and language, without accents and in lower case.

A phrase is hit where its words are side by side in a name.  Joined words
(``geburtsdatum``, ``streetaddress``) are split by the words of all phrases and by `FILLERS`.
"""

from __future__ import annotations

__all__ = [
    "ABOUT",
    "AUTHORS",
    "FILLERS",
    "LABELS",
    "NEVER_FIRST",
    "ORGANISATIONS",
    "PEOPLE",
    "PHRASES",
    "WHOLE",
]

PHRASES: dict[str, dict[str, str]] = {
    "email": {
        "en": "email, emails, e mail, mailbox, mail address, e mail address, cc, bcc, cclist, "
        "bcclist, recipients",
        "de": "mail adresse, e post",
        "fr": "courriel, adresse electronique, mel, adresse mail",
        "es": "correo, correo electronico",
        "it": "posta elettronica, pec, indirizzo mail",
        "nl": "mailadres, e mailadres",
        "pl": "poczta elektroniczna, adres mail",
        "pt": "correio eletronico, endereco eletronico",
    },
    "network": {
        "en": "ip, ipaddress, ip address, ip addr, ipv4, ipv6, ip4, ip6, remote addr, remote "
        "address, remote host, client ip, mac address, mac addr",
        "de": "ip adresse",
        "fr": "adresse ip",
        "es": "direccion ip",
        "it": "indirizzo ip",
        "nl": "ip adres",
        "pl": "adres ip",
        "pt": "endereco ip",
    },
    "device": {
        "en": "mac, user agent, useragent, device id, device token, device serial, imei, "
        "imsi, imeisv, idfa, gaid, advertising id, browser, browser agent, fingerprint "
        "hash, cookie, cookies, cookie id, push token, udid, iccid",
    },
    "place": {
        "en": "latitude, longitude, lat, lng, lon, gps, geolocation, geo, coordinates, "
        "coords, geo point, lat lng, lat long",
        "de": "breitengrad, laengengrad, langengrad, koordinaten",
        "es": "latitud, longitud, coordenadas",
        "it": "latitudine, longitudine, coordinate",
        "nl": "breedtegraad, lengtegraad",
        "pl": "szerokosc geograficzna, dlugosc geograficzna, wspolrzedne",
    },
    "phone": {
        "en": "phone, phones, phone number, phonenumber, telephone, tel, telno, mobile, mob, "
        "mobileno, cell, cellphone, fax, facsimile, whatsapp, pager, landline, contact "
        "number, contact no, home no, office no, msisdn, sms number, sms, phone home, "
        "phone cell, call number, satphone, satfax, contactno, ph, ph no, handphone",
        "de": "telefon, telefonnummer, tel nr, handy, handynummer, mobil, mobilfunk, "
        "mobilnummer, rufnummer, festnetz, durchwahl, telefax, faxnummer, fon",
        "fr": "mobile perso, numero telephone, gsm, telecopie",
        "es": "telefono, telefonos, movil, celular, tfno, telf",
        "it": "telefono, cellulare, cell, recapito telefonico, telefonino",
        "nl": "telefoon, telefoonnummer, mobiel, mobielnummer, gsm nummer, telnr",
        "pl": "telefon, komorka, komorkowy, faks, nr telefonu",
        "pt": "telefone, telemovel, celular, fone, contato telefonico",
    },
    "tax_id": {
        "en": "ssn, ss, ssno, social security, social sec, social insurance, sin, sin num, "
        "ein, fein, itin, tin, vat number, vat no, vat id, vat, tax id, tax number, tax "
        "no, taxid, taxnumber, national id, national number, national identity, "
        "nationalid, passport, passport number, passport no, nic, nic num, nino, "
        "national insurance, aadhaar, aadhar, identity card, id card, id number, "
        "identity number, identification number, identification no, pan no, government "
        "id, gov id, nhs number, nhs no, medicare, medicaid, visa number, visa no, npi, "
        "dea number, other id",
        "de": "steuernummer, steuernr, steuer nr, steuer id, steueridentnummer, steuer "
        "identnummer, ustid, ust id, ust idnr, umsatzsteuer id, "
        "sozialversicherungsnummer, sv nummer, sv nr, svnr, rentenversicherungsnummer, "
        "versichertennummer, versicherungsnummer, ausweisnummer, ausweisnr, "
        "personalausweis, reisepass, passnummer, ahv, ahv nummer, ahvnr, "
        "personalnummer, personalnr, mitarbeiternummer, patientennummer, "
        "matrikelnummer, krankenversicherungsnummer, kvnr",
        "fr": "nir, numero securite sociale, securite sociale, num secu, numero secu, nss, "
        "insee, siret, siren, tva intra, numero tva, num tva, carte identite, "
        "passeport, cni, numero fiscal, registre national, niss, rpps, ident prof",
        "es": "nif, nie, dni, cif, curp, rfc, cuit, cuil, rut, cedula, seguridad social, nss, "
        "pasaporte, numero documento, documento identidad, nro documento, numero "
        "identificacion, num documento, expediente, historia clinica numero",
        "it": "codice fiscale, codfisc, cod fiscale, cod fisc, partita iva, p iva, piva, "
        "carta identita, carta di identita, passaporto, tessera sanitaria, numero "
        "documento",
        "nl": "bsn, burgerservicenummer, burger service nummer, rijksregisternummer, "
        "rijksregister, sofinummer, btw nummer, btw nr, btwnr, paspoort, "
        "paspoortnummer, personeelsnummer, identiteitskaart, insz",
        "pl": "pesel, nip, regon, dowod osobisty, numer dowodu, nr dowodu, seria dowodu, "
        "paszport, numer paszportu, nr paszportu, numer identyfikacyjny",
        "pt": "cpf, cnpj, rg, nif, niss, numero utente, cartao cidadao, bilhete identidade, "
        "passaporte, pis, pasep, ctps, cns, cartao sus, inscricao estadual",
    },
    "code": {
        "en": "mrn, medical record number, patient identifier, pubpid, employee id, employee "
        "no, employee number, employee code, emp id, emp no, staff id, staff no, staff "
        "number, patient number, patient no, patient code, student number, student no, "
        "student id, member number, member no, member id, subscriber id, badge number, "
        "badge no, person number, personnel number, payroll number, payroll no, system "
        "id, provider identifier",
        "de": "personalnummer, personalnr, personal nr, mitarbeiternummer, patientennummer, "
        "matrikelnummer, versichertennummer",
        "fr": "matricule, numero matricule, numero patient, numero salarie",
        "es": "numero empleado, numero paciente, numero historia, legajo",
        "it": "matricola, codice paziente, codice dipendente",
        "nl": "personeelsnummer, patientnummer, studentnummer",
        "pl": "numer pracownika, numer pacjenta, nr pracownika, nr albumu",
        "pt": "numero funcionario, numero paciente, matricula, prontuario",
    },
    "license": {
        "en": "license no, license num, licence no, licence num, driver license, drivers "
        "license, driving license, driving licence, driver licence, drivers licence, "
        "driver lic, dri lice, dri lic, dl no, dl number, license, licence, permit "
        "number, permit no, license plate, number plate, vehicle registration",
        "de": "fuhrerschein, fuehrerschein, fuhrerscheinnummer, kfz kennzeichen, "
        "autokennzeichen, fahrgestellnummer, amtliches kennzeichen",
        "fr": "permis conduire, permis de conduire, numero permis, immatriculation",
        "es": "licencia conducir, licencia conduccion, permiso conducir, carnet conducir",
        "it": "patente, patente guida, targa",
        "nl": "rijbewijs, rijbewijsnummer, kenteken",
        "pl": "prawo jazdy, nr prawa jazdy, numer rejestracyjny, nr rejestracyjny",
        "pt": "cnh, carta conducao, carteira motorista, placa veiculo",
    },
    "card": {
        "en": "card number, card no, card num, cardno, credit card, creditcard, debit card, "
        "cc number, cc num, cc no, ccnum, pan, cvv, cvc, cvv2, card last4, card last 4, "
        "last four, card expiry, cc exp, cc last4, cc last 4",
        "de": "kreditkarte, kreditkartennummer, kartennummer, karten nr",
        "fr": "carte bancaire, numero carte, carte credit, cb numero",
        "es": "tarjeta, tarjeta credito, numero tarjeta, num tarjeta",
        "it": "carta credito, carta di credito, numero carta",
        "nl": "creditcard nummer, kaartnummer",
        "pl": "karta kredytowa, numer karty, nr karty",
        "pt": "cartao credito, cartao, numero cartao",
    },
    "account": {
        "en": "iban, bic, swift, swift code, account number, account no, account num, acct "
        "no, acct num, acct number, acctno, accountnumber, routing number, routing no, "
        "routing num, routing, bank account, bank account name, bank acct, bank account "
        "number, reference number, check number, cheque number, cheque, sort code, aba, "
        "ifsc, bsb, account holder, account owner, dd account, direct debit, sepa "
        "mandate, paypal, paypal email, policy number, policy no, group number, "
        "insurance number, wallet address, bank acc, bank number, bank details",
        "de": "kontonummer, kontonr, konto nr, bankleitzahl, blz, kontoinhaber, "
        "bankverbindung, bankkonto, mandatsreferenz",
        "fr": "rib, code banque, numero compte, num compte, compte bancaire, titulaire "
        "compte, code guichet, cle rib, titulaire, rum",
        "es": "cuenta bancaria, numero cuenta, num cuenta, cuenta corriente, ccc, clabe, cbu, "
        "titular cuenta",
        "it": "conto corrente, numero conto, coordinate bancarie, intestatario, conto bancario",
        "nl": "rekeningnummer, bankrekening, bankrekeningnummer, rekeninghouder, banknummer, "
        "rekening nr",
        "pl": "konto bankowe, numer konta, nr konta, rachunek, rachunek bankowy, nr rachunku, "
        "numer rachunku",
        "pt": "conta bancaria, numero conta, conta corrente, nib, agencia conta, titular "
        "conta, chave pix, pix",
    },
    "credential": {
        "en": "password, passwords, passwd, pwd, pass, pswd, passphrase, passcode, pin, pin "
        "code, secret, secrets, salt, token, tokens, api key, apikey, access key, "
        "private key, secret key, secret question, secret answer, security question, "
        "security answer, otp, totp, mfa secret, two factor, signature, session id, "
        "session key, session data, sessid, session hash, sid, session token, auth key, "
        "auth code, authorization code, authcode, activation key, activation code, "
        "activation hash, confirmation code, verification code, reset code, reset key, "
        "reset hash, reset token, recovery code, recovery codes, backup code, login "
        "hash, login key, remember me, developer key, consumer key, encryption key, "
        "hmac, nonce, jwt, bearer, credentials, credential, password hash, hashed "
        "password, refresh token, client secret, encrypted data, webauthn, ssh key, "
        "certificate key, onetime",
        "de": "passwort, kennwort, pin nummer, geheimnis, geheimfrage, zugangscode, "
        "zugangsdaten, freischaltcode, tan, unterschrift, losung, losungswort",
        "fr": "mot de passe, mot passe, motdepasse, mdp, mdpasse, jeton, cle api, clef api, "
        "code secret, empreinte mdp",
        "es": "contrasena, contrasenia, clave acceso, clave secreta, clave api, ficha acceso, "
        "firma digital",
        "it": "parola chiave, chiave api, chiave segreta, firma digitale, codice segreto",
        "nl": "wachtwoord, geheim, handtekening, pincode, toegangscode",
        "pl": "haslo, skrot hasla, klucz api, klucz prywatny, kod pin, podpis, sol hasla",
        "pt": "senha, palavra passe, palavrapasse, chave api, segredo, assinatura, chave acesso",
    },
    "external_id": {
        "en": "open id, openid, google id, microsoft id, apple id, facebook id, github id, "
        "linkedin id, twitter id, oauth id, sso id, user identity, external identity, "
        "ldap dn, social id, provider uid, oauth uid, uid, ldap uid, saml id, subject "
        "id, stripe id, stripe customer, customer token, orcid",
    },
    "username": {
        "en": "username, user name, usr name, login, login name, loginname, logon, screen "
        "name, user login, login id, userid, handle, nick, account name, sam account, "
        "to user",
        "de": "benutzername, benutzer, anmeldename, benutzerkennung, nutzername",
        "fr": "identifiant, nom utilisateur, nom d utilisateur, pseudo, utilisateur",
        "es": "usuario, nombre usuario, nombre de usuario, cuenta usuario",
        "it": "nome utente, utente, nomeutente",
        "nl": "gebruikersnaam, gebruiker, inlognaam",
        "pl": "nazwa uzytkownika, uzytkownik, login uzytkownika",
        "pt": "nome utilizador, nome usuario, usuario, utilizador, nome de usuario",
    },
    "birth": {
        "en": "birth date, date of date birth, birthdate, birthday, birth day, birth year, "
        "year of birth, birth month, birthyear, dob, d o b, dateofbirth, born, born on, "
        "birth time, birthtime, bdate, bday, death date, date of death, dod, date died, "
        "deceased date, deceased at",
        "de": "geburtsdatum, geburtstag, geb datum, gebdatum, geb dat, geburtsjahr, geboren, "
        "geboren am, geburt, sterbedatum, todestag, gebdat",
        "fr": "date naissance, date de naissance, naissance, ne le, annee naissance, "
        "datenaissance, dt naissance, birth, date deces",
        "es": "fecha nacimiento, fecha de nacimiento, fec nacimiento, fec nac, fecha nac, "
        "nacimiento, fnac, fechanac, fecha defuncion",
        "it": "data nascita, data di nascita, nascita, anno nascita, nato il, data decesso",
        "nl": "geboortedatum, geboorte, geboren op, gebdatum, geboortejaar, overlijdensdatum",
        "pl": "data urodzenia, urodzenia, rok urodzenia, data ur, urodzony, data zgonu",
        "pt": "data nascimento, data de nascimento, nascimento, dt nascimento, dt nasc, data "
        "nasc, dtnasc, data obito",
    },
    "activity": {
        "en": "last login, last logon, last signed in, last sign in, last seen, last active, "
        "last visit, last activity, last access, login time, hire date, date hired, "
        "hired, joined date, termination date, admission date, discharge date, "
        "appointment date, dismissal date",
        "de": "letzte anmeldung, eintrittsdatum, austrittsdatum, hochzeitstag, aufnahmedatum",
        "fr": "derniere connexion, date embauche, dateemployment, date entree",
        "es": "ultimo acceso, fecha contratacion, fecha ingreso, fecha alta",
        "it": "ultimo accesso, data assunzione, data ricovero",
        "nl": "laatste aanmelding, datum in dienst, opnamedatum",
        "pl": "ostatnie logowanie, data zatrudnienia, data przyjecia",
        "pt": "ultimo acesso, data admissao, data contratacao",
    },
    "first_name": {
        "en": "first name, given name, middle name, firstname, fname, givenname, middlename, "
        "mname, mid name, forename, christian name, first names, given names, preferred "
        "name, middle initial, f name, m name, initials, first nm, call name, fst name, "
        "birth fname, birth mname",
        "de": "vorname, vornamen, rufname, zweitname",
        "fr": "prenom, prenoms, autre prenom",
        "es": "primer nombre, segundo nombre, nombre pila, nombre de pila, nombres",
        "it": "nome proprio, secondo nome, nome battesimo",
        "nl": "voornaam, voornamen, roepnaam, voorletters, initialen",
        "pl": "imie, imiona, drugie imie, pierwsze imie",
        "pt": "primeiro nome, nome proprio, nome proprios",
    },
    "last_name": {
        "en": "last name, family name, maiden name, lastname, lname, surname, sur name, "
        "familyname, second name, l name, birth name, mothers name, mother maiden, last "
        "nm, birth lname, family name 2",
        "de": "nachname, familienname, geburtsname, zuname, maedchenname, ledigname",
        "fr": "nom famille, nom de famille, nom naissance, nom de naissance, nom jeune fille, "
        "nom usage, nom usuel, nomfamille, nom marital",
        "es": "apellido, apellidos, primer apellido, segundo apellido, apellido paterno, "
        "apellido materno, ape1, ape2, apellido1, apellido2",
        "it": "cognome, cognome nascita, cognome nubile",
        "nl": "achternaam, familienaam, tussenvoegsel, meisjesnaam, geboortenaam",
        "pl": "nazwisko, nazwiska, nazwisko rodowe, nazwisko panienskie",
        "pt": "sobrenome, apelido, ultimo nome, apelidos, nome familia",
    },
    "person_name": {
        "en": "full name, fullname, contact, nickname, nick name, attendees, signatory, "
        "contact person, contact name, person name, cardholder, account holder name, "
        "payee, trainer, interviewer, interviewers, spouse, emergency contact, "
        "referring provider, next of kin, kin, father, mother, mothersname, "
        "guardiansname, referrer name, created by name, attached by name, sender name, "
        "user full name, beneficiary, attn, attention, care of, recipient, addressee, "
        "salutation name, real name, realname",
        "de": "ansprechpartner, ansprechperson, sachbearbeiter, bearbeiter, spitzname, "
        "rufname, vollstandiger name, vollstaendiger name, kundenname, mitarbeitername, "
        "patientenname, kontaktperson, inhaber, geschaeftsfuehrer, geschaftsfuhrer, "
        "empfanger, empfaenger, ehepartner, vormund, vor und nachname, beratername",
        "fr": "nom complet, nom prenom, nom et prenom, nom client, nom patient, nom salarie, "
        "nom contact, surnom, interlocuteur, destinataire, conjoint, nom pere, nom "
        "mere, gerant, medecin, medecin traitant, nom medecin, responsable nom",
        "es": "nombre completo, nombre apellidos, nombre y apellidos, nombre cliente, nombre "
        "paciente, nombre empleado, persona contacto, nombre contacto, apodo, conyuge, "
        "destinatario, nombre padre, nombre madre, representante, medico, contacto",
        "it": "nome completo, nome cognome, nome e cognome, nominativo, referente, persona "
        "contatto, nome cliente, nome paziente, coniuge, destinatario, soprannome, "
        "rappresentante legale, medico",
        "nl": "volledige naam, contactpersoon, klantnaam, naam klant, naam patient, partner "
        "naam, huisarts, aanhef naam, naam medewerker",
        "pl": "imie nazwisko, imie i nazwisko, osoba kontaktowa, nazwisko imie, imie ojca, "
        "imie matki, malzonek, odbiorca, lekarz, opiekun",
        "pt": "nome completo, nome cliente, nome paciente, nome mae, nome pai, nome contato, "
        "pessoa contato, conjuge, destinatario, responsavel, nome funcionario, nome "
        "social, medico",
    },
    "org_name": {
        "en": "client name, customer name, supplier name, vendor name, company name, legal "
        "name, business name, dba, trading name, ship to name, bill to name, shipto "
        "name, billto name, shipping name, billing name, delivery name",
        "de": "firmenname, lieferantenname",
        "fr": "raison sociale, nom societe, nom entreprise, nom fournisseur",
        "es": "razon social, nombre empresa, nombre comercial, nombre proveedor",
        "it": "ragione sociale, nome azienda, nome fornitore",
        "nl": "bedrijfsnaam, leveranciernaam",
        "pl": "nazwa firmy, nazwa klienta, nazwa kontrahenta",
        "pt": "razao social, nome fantasia, nome empresa, nome fornecedor",
    },
    "postal_address": {
        "en": "address, addresses, addr, addr1, addr2, adr, address line, address1, address2, "
        "street, street1, street2, str, streets, street name, house number, house no, "
        "house name, apartment, apt, zip, zipcode, zip code, zip5, postcode, post code, "
        "postal code, postal, postalcode, plus four, po box, pobox, mailing address, "
        "home address, residence, district of residence, building number, suburb, city, "
        "town, village, city village, locality, municipality, county, county district, "
        "place of birth, birth birthplace, hometown, state province, ship to, bill to",
        "de": "adresse, adressen, anschrift, strasse, str, hausnummer, hausnr, haus nr, plz, "
        "postleitzahl, ort, wohnort, stadt, ortsteil, postfach, rechnungsadresse, "
        "lieferadresse, adresszusatz, geburtsort, wohnsitz, gemeinde, landkreis",
        "fr": "adresse, rue, voie, code postal, codepostal, cp, ville, commune, localite, "
        "lieu naissance, lieu de naissance, complement adresse, boite postale, "
        "domicile, departement naissance",
        "es": "direccion, domicilio, calle, codigo postal, cod postal, ciudad, poblacion, "
        "localidad, municipio, lugar nacimiento, colonia, barrio, num exterior",
        "it": "indirizzo, via, cap, codice avviamento postale, citta, comune, localita, "
        "residenza, domicilio, numero civico, luogo nascita, luogo di nascita, comune "
        "nascita",
        "nl": "adres, straat, straatnaam, huisnummer, huisnr, postcode, woonplaats, plaats, "
        "plaatsnaam, geboorteplaats, gemeente, postadres, toevoeging",
        "pl": "adres, ulica, ul, nr domu, numer domu, nr mieszkania, kod pocztowy, miasto, "
        "miejscowosc, miejsce urodzenia, gmina, poczta, zamieszkania",
        "pt": "endereco, morada, rua, logradouro, cep, codigo postal, cidade, bairro, "
        "localidade, freguesia, municipio, complemento endereco, naturalidade, local "
        "nascimento",
    },
    "special": {
        "en": "ethnicity, ethnic, race, racial, tribe, caste, religion, religious, faith, "
        "denomination, creed, nationality, nation, citizenship, citizen, country of "
        "birth, immigration, migrantseasonal, refugee, asylum, sexual orientation, "
        "orientation, sexuality, sexual, gender identity, union, union member, union "
        "membership, trade union, political, political party, party affiliation, "
        "political opinion, biometric, biometrics, fingerprint, finger print, face "
        "template, face encoding, face id, iris, retina, voiceprint, dna, genetic, "
        "genome, criminal, criminal record, conviction, convictions, offence, offense, "
        "arrest, felony, background check, diagnosis, diagnoses, diagnosed, diagnostic, "
        "dx, dx code, icd, icd9, icd10, icd code, medical, medical history, medical "
        "condition, clinical, disability, disabilities, disabled, handicap, health, "
        "illness, disease, diseases, sickness, sick, sick leave, symptom, symptoms, "
        "complaint, chief complaint, allergy, allergies, allergen, allergen type, "
        "intolerance, medication, medications, medicine, prescription, drug, drugs, "
        "drug name, dose, dosage, dosing, treatment, therapy, surgery, operation notes, "
        "procedure code, vaccine, vaccination, immunization, immunisation, cvx, blood "
        "type, blood group, bloodgroup, blood pressure, bps, bpd, pulse, heart rate, "
        "respiration, oxygen saturation, bmi, body weight, body height, body "
        "temperature, hiv, hiv status, std, covid, pregnancy, pregnant, gravida, "
        "fertility, contraception, smoker, smoking, smokes, tobacco, alcohol, coffee, "
        "substance abuse, recreational drugs, addiction, mental, mental health, "
        "psychiatric, depression, cause of death, death cause, prognosis, anamnesis, "
        "lab result, test result, pathology, family history, history mother, history "
        "father, relatives cancer, impairment, dietary restrictions, diet, injury, "
        "wound, finding, findings, reaction, dietary, veteran, military service, "
        "philosophical",
        "de": "ethnie, ethnische herkunft, herkunft, rasse, religion, religionszugehorigkeit, "
        "konfession, kirchensteuer, glaube, bekenntnis, staatsangehorigkeit, "
        "staatsangehoerigkeit, staatsburgerschaft, nationalitat, nationalitaet, "
        "sexuelle orientierung, gewerkschaft, gewerkschaftsmitglied, partei, "
        "parteizugehorigkeit, politische meinung, biometrie, fingerabdruck, "
        "gesichtsbild, vorstrafe, vorstrafen, fuhrungszeugnis, straftat, diagnose, "
        "diagnosen, befund, befunde, krankheit, krankheiten, erkrankung, vorerkrankung, "
        "krankenkasse, krankmeldung, behinderung, schwerbehinderung, grad der "
        "behinderung, gdb, allergie, allergien, medikament, medikamente, medikation, "
        "dosierung, behandlung, therapie, operation, impfung, impfungen, impfstatus, "
        "blutgruppe, blutdruck, schwangerschaft, schwanger, raucher, symptome, symptom, "
        "anamnese, todesursache, gesundheit, gesundheitszustand, pflegegrad, "
        "versicherungsart, korpergewicht, gesundheitlich",
        "fr": "ethnie, origine ethnique, religion, confession, nationalite, citoyennete, "
        "orientation sexuelle, syndicat, syndical, adhesion syndicale, opinion "
        "politique, parti politique, biometrie, empreinte digitale, empreinte, casier "
        "judiciaire, condamnation, infraction, diagnostic, maladie, maladies, "
        "pathologie, symptomes, sante, etat sante, handicap, invalidite, allergie, "
        "allergies, medicament, medicaments, traitement, posologie, ordonnance, "
        "chirurgie, vaccin, vaccination, groupe sanguin, tension arterielle, grossesse, "
        "enceinte, fumeur, antecedents, mutuelle, arret maladie, cause deces, rqth, "
        "intolerances",
        "es": "etnia, origen etnico, raza, religion, creencia, nacionalidad, ciudadania, "
        "orientacion sexual, sindicato, afiliacion sindical, partido politico, opinion "
        "politica, biometria, huella, huella dactilar, antecedentes penales, "
        "antecedentes, condena, delito, diagnostico, enfermedad, enfermedades, "
        "sintomas, salud, estado salud, discapacidad, minusvalia, alergia, alergias, "
        "medicamento, medicamentos, medicacion, tratamiento, dosis, receta, cirugia, "
        "vacuna, vacunas, vacunacion, grupo sanguineo, tipo sangre, presion arterial, "
        "embarazo, embarazada, fumador, tabaquismo, baja medica, causa muerte, obra "
        "social",
        "it": "etnia, origine etnica, razza, religione, fede, nazionalita, cittadinanza, "
        "orientamento sessuale, sindacato, iscrizione sindacale, partito politico, "
        "opinione politica, biometria, impronta, impronta digitale, casellario, "
        "precedenti penali, condanna, reato, diagnosi, malattia, malattie, patologia, "
        "sintomi, salute, stato salute, disabilita, invalidita, allergia, allergie, "
        "farmaco, farmaci, terapia, trattamento, dosaggio, ricetta, chirurgia, vaccino, "
        "vaccinazione, gruppo sanguigno, pressione sanguigna, gravidanza, incinta, "
        "fumatore, anamnesi, causa morte",
        "nl": "etniciteit, etnische afkomst, afkomst, ras, religie, geloof, godsdienst, "
        "kerkgenootschap, nationaliteit, staatsburgerschap, seksuele geaardheid, "
        "geaardheid, vakbond, vakbondslid, politieke partij, politieke voorkeur, "
        "biometrie, vingerafdruk, strafblad, veroordeling, delict, vog, diagnose, "
        "ziekte, ziekten, ziektebeeld, symptomen, gezondheid, beperking, handicap, "
        "arbeidsongeschikt, allergie, allergieen, medicijn, medicijnen, medicatie, "
        "behandeling, dosering, recept, operatie, vaccinatie, bloedgroep, bloeddruk, "
        "zwangerschap, zwanger, roker, ziekteverzuim, verzuim, doodsoorzaak, "
        "zorgverzekeraar",
        "pl": "pochodzenie etniczne, etniczne, rasa, religia, wyznanie, narodowosc, "
        "obywatelstwo, orientacja seksualna, zwiazek zawodowy, zwiazki zawodowe, partia "
        "polityczna, poglady polityczne, biometria, odcisk palca, karalnosc, skazanie, "
        "przestepstwo, niekaralnosc, diagnoza, rozpoznanie, choroba, choroby, objawy, "
        "zdrowie, stan zdrowia, niepelnosprawnosc, stopien niepelnosprawnosci, alergia, "
        "alergie, uczulenia, lek, leki, leczenie, dawka, dawkowanie, recepta, operacja, "
        "szczepienie, szczepienia, grupa krwi, cisnienie krwi, ciaza, palacz, "
        "zwolnienie lekarskie, przyczyna zgonu, wywiad",
        "pt": "etnia, origem etnica, raca, religiao, crenca, nacionalidade, cidadania, "
        "orientacao sexual, sindicato, filiacao sindical, partido politico, opiniao "
        "politica, biometria, impressao digital, antecedentes criminais, condenacao, "
        "crime, diagnostico, doenca, doencas, sintomas, saude, estado saude, "
        "deficiencia, alergia, alergias, medicamento, medicamentos, medicacao, "
        "tratamento, dosagem, dose, receita medica, cirurgia, vacina, vacinas, "
        "vacinacao, grupo sanguineo, tipo sanguineo, pressao arterial, gravidez, "
        "gravida, gestante, fumante, fumador, convenio, atestado, causa morte, cor raca",
    },
    "quasi": {
        "en": "gender, sex, age, marital status, marital, marriage, married, civil status, "
        "occupation, profession, job title, jobtitle, job, jobtit, position title, "
        "employment title, employer, education level, degree earned, household size, "
        "family size, household income, monthly income, annual income, income, salary, "
        "wage, wages, basic salary, pay rate, hourly rate, salary amount, number of "
        "children, children count, language spoken, mother tongue, preferred language, "
        "homeless, interpretter, interpreter, military, pronouns, eye color, hair color",
        "de": "geschlecht, alter, familienstand, personenstand, anrede, beruf, tatigkeit, "
        "taetigkeit, berufsbezeichnung, stellenbezeichnung, arbeitgeber, "
        "bildungsabschluss, einkommen, gehalt, lohn, bruttolohn, kinderzahl, anzahl "
        "kinder, kinder, muttersprache, steuerklasse",
        "fr": "sexe, genre, age, situation familiale, situation matrimoniale, etat civil, "
        "civilite, metier, emploi, fonction, poste, employeur, niveau etude, niveau "
        "etudes, revenu, salaire, remuneration, nombre enfants, nb enfants, langue "
        "maternelle, csp",
        "es": "sexo, genero, edad, estado civil, ocupacion, profesion, puesto, cargo, oficio, "
        "empleador, nivel estudios, escolaridad, ingresos, salario, sueldo, numero "
        "hijos, hijos, lengua materna, tratamiento cortesia",
        "it": "sesso, genere, eta, stato civile, professione, occupazione, mansione, "
        "qualifica, datore lavoro, titolo studio, reddito, stipendio, retribuzione, "
        "numero figli, figli",
        "nl": "geslacht, leeftijd, burgerlijke staat, burgerlijke stand, beroep, functie, "
        "werkgever, opleiding, opleidingsniveau, inkomen, salaris, loon, aantal "
        "kinderen, aanhef, moedertaal",
        "pl": "plec, wiek, stan cywilny, zawod, stanowisko, pracodawca, wyksztalcenie, "
        "dochod, wynagrodzenie, pensja, liczba dzieci, jezyk ojczysty",
        "pt": "sexo, genero, idade, estado civil, profissao, ocupacao, cargo, funcao, "
        "empregador, escolaridade, renda, salario, vencimento, numero filhos, filhos",
    },
    "file": {
        "en": "photo, photos, portrait, avatar, selfie, headshot, profile picture, profile "
        "image, profile photo, passport scan, id scan, scan of id, resume, curriculum "
        "vitae, cv file, mugshot, face image, voice recording",
        "de": "foto, lichtbild, passbild, portrat, lebenslauf",
        "fr": "photo identite, portrait photo",
        "es": "foto, fotografia, retrato, hoja de vida",
        "it": "fotografia, ritratto",
        "nl": "pasfoto, foto",
        "pl": "zdjecie, fotografia, zyciorys",
        "pt": "fotografia, retrato, foto perfil, curriculo",
    },
    "free_text": {
        "en": "notes, note, comment, comments, remark, remarks, memo, message, description, "
        "bio, wishlist, feedback, reason, caption, instructions, details",
        "de": "notiz, notizen, bemerkung, bemerkungen, kommentar, anmerkung, beschreibung, "
        "nachricht, hinweis",
        "fr": "remarque, remarques, commentaire, commentaires, observation, observations, motif",
        "es": "notas, comentario, comentarios, observaciones, descripcion, mensaje, motivo",
        "it": "nota, commento, commenti, osservazioni, descrizione, messaggio",
        "nl": "notitie, notities, opmerking, opmerkingen, toelichting, omschrijving, bericht",
        "pl": "notatka, notatki, uwagi, komentarz, opis, wiadomosc",
        "pt": "observacao, observacoes, comentario, comentarios, descricao, mensagem",
    },
}

AUTHORS = (
    "addressee applicant artist author candidate cardholder composer director doctor editor "
    "employee guardian instructor manager payee photographer physician reviewer spouse "
    "teacher translator writer"
)
"""A column called so holds a name of a person by itself."""

PEOPLE = (
    "addressee applicant artist author candidate cardholder composer director doctor editor "
    "employee guardian instructor manager payee photographer physician reviewer spouse "
    "teacher translator writer actor assistant attendee beneficiary buyer caregiver child "
    "children citizen coach contact courier dependent dependant donor driver emergency "
    "guest holder interviewer learner lead member musician nurse officer operator owner "
    "parent participant party parties passenger patient payer people performer person "
    "player prescriber profile provider pupil receiver recipient relative resident rider "
    "salesperson seller sender speaker staff student subscriber supervisor technician "
    "tenant therapist trainee trainer traveller tutor user visitor volunteer voter witness "
    "worker mitarbeiter mitarbeiterin patienten patientin kontakt kontakte benutzer "
    "ansprechpartner mitglied mitglieder personen angestellte schuler arzt arzte bewerber "
    "teilnehmer kind kinder personne personnes employe salarie adherent utilisateur usager "
    "eleve etudiant medecin enfant persona personas empleado usuario paciente contacto "
    "alumno medico trabajador dipendente dipendenti utente utenti paziente pazienti "
    "studente studenti persone socio soci medewerker medewerkers gebruiker persoon leerling "
    "leerlingen werknemer arts kinderen pracownik pracownicy uzytkownik uzytkownicy pacjent "
    "pacjenci osoba osoby lekarz uczen funcionario utilizador pessoa pessoas aluno "
    "colaborador"
)
"""A table called so holds people."""

ORGANISATIONS = (
    "client customer supplier vendor company companies kunde kunden lieferant lieferanten "
    "firma firmen fournisseur societe tiers cliente clientes proveedor empresa clienti "
    "fornitore fornitori azienda klant klanten leverancier bedrijf klient klienci "
    "kontrahent kontrahenci dostawca fornecedor"
)
"""A table called so holds parties that may be businesses."""

LABELS = (
    "name title code slug sku color colour status type category subcategory kind unit uom "
    "grade prefix currency country language locale timezone brand strain product canonical "
    "standardized base version hash digest checksum module definition scope uri url sql xml "
    "html css clause function formula variables trigger action permission permissions "
    "expression icon script class path route regex property properties time units override "
    "variant redirect settings"
)
"""Long text of such a name is not prose."""

ABOUT = (
    "type status method kind category format template count preference flag enabled "
    "verified confirmed required length size sent subject limit attempts expires expiry "
    "estimated validation unit units form rank validator regex pattern label visible "
    "settings setting level group policy server host port"
)
"""`phone_type` and `loginMethod` are about a value, they do not hold one."""

WHOLE = (
    "via cap cp cc str ort lon lat geo mac tan ss sin tin vat pass born alter sms tel cell "
    "ph pin rum rib rg cns rut nie cif nip pis lek ras ul rc nota rua calle ein pan "
    "orientation salt owner login user cookie signature policy recept wywiad reaction "
    "finding titel uid handle nick job check recipients recipient firma place health "
    "operacja drug"
)
"""Words so short or common that they count only as the whole name, or behind a prefix."""

NEVER_FIRST = "max min default allow show hide enable require use send notify can total is has num"
"""`max_age` is about a rule, not about a person."""

FILLERS = (
    "customer client patient employee user billing shipping delivery shipto billto home "
    "work private office business primary secondary contact person number nummer name namen "
    "date datum code kod kunden kunde mitarbeiter patienten rechnungs rechnung liefer "
    "lieferant lieferanten firmen privat geschafts empfanger satz addr num emergency "
    "guardian mother father spouse holder owner lieferung klanten bezoek post"
)
"""Words that a joined name may hold beside those of a phrase."""
