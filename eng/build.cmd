@echo off
rem eng\build.cmd PROJECT STAMP: finds the packages, then builds PROJECT in Release.
rem STAMP is the listing (sizes and times) of the sources at the last good build: the same listing, nothing to do.
setlocal
set "root=%~dp0.."
set "stamp=%root%\%~2"
set "now=%~dp0.cache\%~n1.sources"

set "dotnet="
for %%d in (dotnet.exe) do set "dotnet=%%~$PATH:d"
if not defined dotnet (
    echo quant: the .NET 10 SDK is needed, and there is no dotnet on the PATH ^(see README.md^)
    exit /b 7
)
if not exist "%~dp0.cache" mkdir "%~dp0.cache"
pushd "%root%"
dir /s /a-d /tw src\*.cs src\*.csproj src\*.proto src\*.html src\*.css src\*.js tests\*.cs bench\*.cs samples\*.cs eng\*.cs eng\*.targets *.props *.targets > "%now%.all" 2>nul
popd
findstr /l /e /i ".cs .csproj .proto .html .css .js .targets .props" < "%now%.all" > "%now%"
if not exist "%stamp%" goto build
if not "%QUANT_ONNXRUNTIME%%QUANT_ORLEANS%"=="" goto build
fc /b "%stamp%" "%now%" >nul 2>nul
if not errorlevel 1 exit /b 0

:build
call "%~dp0probe.cmd"
if errorlevel 1 exit /b 1
if not exist "%stamp%" echo Building; the first time it fetches packages ...
dotnet msbuild "%root%\%~1" -m -restore -p:Configuration=Release -nologo -v:quiet -tl:off "-clp:ErrorsOnly;NoSummary" -nodeReuse:false
if errorlevel 1 exit /b 1
copy /y "%now%" "%stamp%" >nul
