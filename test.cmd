@echo off
rem test.cmd [FILTER]: builds everything and runs every test; the last line is always "N passed, N failed, N skipped".
setlocal
call "%~dp0eng\build.cmd" QuantCluster.sln eng\.cache\test.built
if errorlevel 1 (
    echo test: the build failed
    echo 0 passed, 1 failed, 0 skipped
    exit /b 1
)
dotnet "%~dp0eng\RunTests\bin\Release\net10.0\run-tests.dll" "%~dp0." %*
exit /b %errorlevel%
