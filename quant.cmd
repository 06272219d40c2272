@echo off
rem The quant command. Builds itself first where a source has changed since the last build.
setlocal
call "%~dp0eng\build.cmd" src\Client\QuantCluster.Client.csproj src\Client\bin\Release\net10.0\.built 1>&2
if errorlevel 1 exit /b 7
dotnet "%~dp0src\Client\bin\Release\net10.0\quant.dll" %*
exit /b %errorlevel%
